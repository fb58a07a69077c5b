"""Streamed Django responses of a shop, sync and async, each with a scope of its own."""

import asyncio

from django.conf import settings
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from streaminstr.django.decorators import stream_scope

if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="not a secret")  # noqa: S106 - it is not

ROWS = [b"one", b"two", b"three"]


def rows(done=None):
    try:
        yield from ROWS
    finally:
        if done is not None:
            done.append("cleaned up")


async def waiting_rows(done=None):
    try:
        for row in ROWS:
            yield row
            await asyncio.sleep(0)
    finally:
        if done is not None:
            done.append("cleaned up")


async def ready_rows():
    for row in ROWS:
        yield row


def respond(body):
    """What a server is given for a view that streams `body`."""
    view = stream_scope(name="orders.export")(lambda request: StreamingHttpResponse(body))
    return view(RequestFactory().get("/orders/"))
