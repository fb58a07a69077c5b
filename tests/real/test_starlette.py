"""Starlette in the outermost net, alone and with middleware of its own.

The net learns of a stream with its first chunk: what the body does before is the request's.
"""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from real_app import App
from real_check import check
from real_django import Django
from real_rows import async_rows
from real_spans import asgi_with_span
from real_starlette import app

ENDINGS = pytest.mark.parametrize("ending", ["full", "fails", "waits"])
INSIDE = {"inside": "request or stream"}


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


@ENDINGS
def test_an_async_body(ending):
    check(App(app, "asgi"), ending, **INSIDE)


@pytest.mark.parametrize("ending", ["sends", "refused"])
@pytest.mark.parametrize("path", ["/stream/{ending}", "/sync/{ending}"])
def test_a_client_that_leaves_while_the_server_sends(path, ending):
    check(App(app, "asgi", path), ending, inside=None)  # the garbage collector cleans up


@pytest.mark.parametrize("ending", ["full", "fails"])
def test_a_sync_body_in_threads(ending):
    check(App(app, "asgi", "/sync/{ending}"), ending, **INSIDE)


@pytest.mark.parametrize("ending", ["full", "fails", "waits", "refused"])
def test_a_body_behind_middleware_that_sends_it_from_another_task(ending):
    site = App(lambda: app(middleware=[Middleware(Passing)]), "asgi")
    check(site, ending, inside=None)


@ENDINGS
def test_a_body_behind_compression(ending):
    packed = {"headers": [(b"accept-encoding", b"gzip")]}
    site = App(lambda: app(middleware=[Middleware(GZipMiddleware)]), "asgi", options=packed)
    check(site, ending, **INSIDE)


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_background_task_is_not_the_streams(spec_version):
    site = App(app, "asgi", "/background", options={"spec_version": spec_version})
    _, ours = check(site, "full", **INSIDE)
    assert ours.recorder.parents("background") == {"request"}


@pytest.mark.parametrize("middleware", [(), (Middleware(Passing),)], ids=["alone", "passing"])
def test_the_error_of_a_background_task_is_not_the_streams(middleware):
    site = App(lambda: app(middleware=middleware), "asgi", "/failing-background")
    check(site, "fails", outcome="completed", inside=None)


def mounted(*middleware):
    """What mounts an application in Starlette, inside of the request's span."""
    return lambda django: asgi_with_span(
        Starlette(routes=[Mount("/", django)], middleware=middleware)
    )


def test_a_stream_of_django_that_is_mounted(ending, net):
    check(Django(async_rows, net=net, around=mounted()), ending)


@ENDINGS
def test_a_stream_of_django_that_is_mounted_behind_middleware(ending, net):
    check(Django(async_rows, net=net, around=mounted(Middleware(Passing))), ending)
