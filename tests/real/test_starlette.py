"""Starlette in the outermost net, alone and with middleware of its own.

The net learns of a stream with its first chunk: what the body does before is the request's.
"""

import pytest
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

from real_app import App
from real_check import check
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
