"""A program that calls another one in its process, by httpx: each has streams of its own."""

import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from real_app import App
from real_bodies import Turn
from real_check import compare
from real_django import OURS, Django
from real_rows import async_rows
from real_starlette import app, lines
from streaminstr.asgi import StreamScopeMiddleware


def caller(inner, path):
    """An application that calls `inner` before its own stream, and in it."""

    async def ask():
        transport = httpx.ASGITransport(app=inner)
        async with httpx.AsyncClient(transport=transport, base_url="http://inner") as client:
            return (await client.get(path)).text

    async def answer():
        async for line in lines(Turn("full")):
            yield line
        yield await ask()

    async def call(request):
        await ask()
        return StreamingResponse(answer())

    return Starlette(routes=[Route("/calls", call)])


@pytest.mark.parametrize("net", [False, True], ids=["plain", "net"])
def test_another_application_with_a_net(net):
    inner = StreamScopeMiddleware(app()) if net else app()
    _, ours = compare(App(lambda: caller(inner, "/stream/full"), "asgi", "/calls"), "full")
    assert names(ours)["GET /calls"] == ["completed"]
    assert names(ours).get("GET /stream/{ending}") == (["completed"] * 2 if net else None)


def test_django_with_its_middleware():
    site = Django(async_rows)
    with override_settings(MIDDLEWARE=[OURS], ROOT_URLCONF=site.urlconf()):
        outer = App(lambda: caller(ASGIHandler(), "/stream/full"), "asgi", "/calls")
        _, ours = compare(outer, "full")
    assert names(ours)["GET /calls"] == ["completed"]
    assert names(ours)["GET stream/<str:ending>"] == ["completed"] * 2


def names(visit):
    """The outcomes of all streams, by name."""
    outcomes = {}
    for stream, outcome in zip(
        visit.recorder.recording.started, visit.recorder.streams, strict=True
    ):
        outcomes.setdefault(stream.name, []).append(outcome)
    return outcomes
