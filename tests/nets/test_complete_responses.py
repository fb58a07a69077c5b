"""A response that has a Content-Length is complete: a net gives it no scope."""

import pytest
from django.core.cache import cache
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from flask import Flask, Response
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from starlette.responses import FileResponse

from server_by_hand import ByHand, call
from streaminstr import asgi, wsgi

OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
CACHED = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
LONG = b"x" * 100_000
"""Longer than what Django sends in one message."""


def page(request):
    return HttpResponse(LONG)


async def rows(request):
    async def body():
        yield b"1"
        yield b"2"

    return StreamingHttpResponse(body())


urlpatterns = [path("page", page), path("rows", rows)]


async def serve(app, **options):
    server = ByHand(**options)
    await server.call(asgi.StreamScopeMiddleware(app))
    return server


def read(app, path="/"):
    result = call(wsgi.StreamScopeMiddleware(app), path)
    body = b"".join(result)
    if hasattr(result, "close"):
        result.close()
    return body


@pytest.mark.parametrize("name", [b"content-length", b"Content-Length"])
async def test_in_several_messages(recorded, name):
    async def app(scope, receive, send):
        headers = [(name, b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await send({"type": "http.response.body", "body": b"2"})

    assert (await serve(app)).chunks == [b"1", b"2"]
    assert recorded.streams == []


async def test_a_file_of_starlettes(recorded, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(LONG)
    assert b"".join((await serve(FileResponse(file))).chunks) == LONG
    assert recorded.streams == []


@pytest.mark.parametrize("cached", [CACHED, [CACHED[0], CACHED[2]]], ids=["with length", "without"])
async def test_a_page_that_django_has_cached(recorded, cached):
    """The second time, an outer middleware answers: ours never sees the response."""
    cache.clear()
    with override_settings(MIDDLEWARE=[*cached, OURS], ROOT_URLCONF=__name__):
        for _ in range(2):
            server = await serve(ASGIHandler(), path="/page")
            assert len(server.chunks) > 1
    assert recorded.streams == []


async def test_a_long_page_of_django_without_our_middleware(recorded):
    with override_settings(MIDDLEWARE=[], ROOT_URLCONF=__name__):
        server = await serve(ASGIHandler(), path="/page")
    assert b"".join(server.chunks) == LONG
    assert recorded.streams == []


async def test_a_stream_of_django_without_our_middleware_has_one(recorded):
    with override_settings(MIDDLEWARE=[], ROOT_URLCONF=__name__):
        await serve(ASGIHandler(), path="/rows")
    assert [stream.report.chunks for stream in recorded.streams] == [2]


def test_under_wsgi_a_generator(recorded):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return (chunk for chunk in (b"1", b"2"))

    assert read(app) == b"12"
    assert recorded.streams == []


def test_under_wsgi_a_page_in_several_chunks(recorded):
    def app(environ, start_response):
        start_response("200 OK", [("content-length", "2")])
        return [b"1", b"2"]

    assert read(app) == b"12"
    assert recorded.streams == []


@pytest.mark.parametrize(("kind", "streams"), [("plain", 0), ("streamed", 1)])
def test_flask_in_middleware_that_answers_with_a_generator(recorded, kind, streams):
    """As OpenTelemetry's does, and an agent's."""
    app = Flask("shop")
    responses = {"plain": lambda: "12", "streamed": lambda: Response(iter([b"1", b"2"]))}
    app.add_url_rule("/", view_func=responses[kind], endpoint="view")
    assert read(OpenTelemetryMiddleware(app.wsgi_app)) == b"12"
    assert len(recorded.streams) == streams


@override_settings(
    MIDDLEWARE=[OURS],
    ROOT_URLCONF=__name__,
    STREAMINSTR={"FILTER": lambda request, response: False},
)
async def test_a_response_that_filter_has_left_out_has_none(recorded):
    """Whether it has a Content-Length or not, it was decided about."""
    assert (await serve(ASGIHandler(), path="/rows")).chunks == [b"1", b"2"]
    assert recorded.streams == []
