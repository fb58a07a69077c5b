"""OpenTelemetry's own middleware round the application, inside of the outermost net."""

from functools import partial

import pytest
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as AsgiMiddleware
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as WsgiMiddleware

from real_app import App
from real_check import check
from real_django import Django
from real_rows import async_rows, rows
from real_spans import PROVIDER
from real_starlette import app as starlette_app

WSGI = partial(WsgiMiddleware, tracer_provider=PROVIDER)
ASGI = partial(AsgiMiddleware, tracer_provider=PROVIDER)


def test_a_sync_body(wsgi_ending, net):
    site = Django(rows, protocol="wsgi", net=net, around=WSGI)
    path = f"GET /stream/{wsgi_ending}"
    check(site, wsgi_ending, parent=path, inside=None)


def test_an_async_body(ending, net):
    site = Django(async_rows, net=net, around=ASGI)
    check(site, ending, parent=f"GET /stream/{ending}", inside=None)


@pytest.mark.parametrize("ending", ["full", "fails", "waits", "refused"])
def test_a_body_of_starlette(ending):
    site = App(lambda: ASGI(starlette_app()), "asgi", has_span=False)
    check(site, ending, parent=f"GET /stream/{ending}", inside=None)
