"""Streamed Django responses of a shop, sync and async, each with a scope of its own."""

import asyncio

from django.conf import settings
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from streaminstr.django.decorators import stream_scope

if not settings.configured:  # pragma: no cover - whoever comes first
    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="not a secret")  # noqa: S106 - it is not

ROWS = [b"one", b"two", b"three"]


def rows(done=()):
    try:
        yield from ROWS
    finally:
        done += ("cleaned up",)


async def waiting_rows(done=()):
    try:
        for row in ROWS:
            yield row
            await asyncio.sleep(0)
    finally:
        done += ("cleaned up",)


async def ready_rows():
    """Never waits, and never ends."""
    while True:
        yield b"row"


def respond(body):
    """What a server is given for a view that streams `body`."""
    view = stream_scope(name="orders.export")(lambda request: StreamingHttpResponse(body))
    return view(RequestFactory().get("/orders/"))
