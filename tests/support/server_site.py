"""A small Django site for real servers, and a backend that writes down what happens to its streams.

STREAMINSTR_RECORD names the file for that: one JSON object a line, appended in one write each, so
that processes and threads do not mix. The applications are `wsgi`, `asgi`, and both in their
outermost nets: `wsgi_net`, `asgi_net`.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from itertools import count

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware

from streaminstr import asgi as asgi_nets
from streaminstr import wsgi as wsgi_nets

MIB = 1024 * 1024
FILE_SIZE = 4 * MIB
PAUSE = 0.02
"""Seconds from one chunk of a drip to the next."""
BLOCKED = 1.0
"""Seconds for which the blocked producer does nothing."""


class RecordBackend:
    """Appends a line for each thing that happens to a stream."""

    def __init__(self):
        self.numbers = count(1)

    def open(self, info):
        return RecordScope(f"{os.getpid()}-{next(self.numbers)}", info)


class RecordScope:
    def __init__(self, stream, info):
        self.stream = stream
        self.write("open", name=info.name, path=info.attributes["url.path"])

    def start(self):
        self.write("start")
        return {}

    def close(self, report):
        self.write(
            "close",
            outcome=report.outcome,
            cancelled_by=report.cancelled_by,
            chunks=report.chunks,
            bytes=report.bytes,
            zero_copy="streaminstr.zero_copy" in report.attributes,
        )

    def write(self, event, **fields):
        line = {"event": event, "stream": self.stream, "at": time.monotonic(), **fields}
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        file = os.open(os.environ["STREAMINSTR_RECORD"], flags, 0o600)
        try:
            os.write(file, json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)


def drips(number, pause=PAUSE):
    for _ in range(number):
        yield b"drip\n"
        time.sleep(pause)


async def adrips(number, pause=PAUSE):
    for _ in range(number):
        yield b"drip\n"
        await asyncio.sleep(pause)


def fails():
    yield from drips(2)
    message = "as the test wants it"
    raise ValueError(message)


async def afails():
    async for chunk in adrips(2):
        yield chunk
    message = "as the test wants it"
    raise ValueError(message)


def blocks():
    yield b"first\n"
    time.sleep(BLOCKED)
    yield from drips(300)


async def ablocks():
    yield b"first\n"
    await asyncio.sleep(BLOCKED)
    async for chunk in adrips(300):
        yield chunk


def big():
    for _ in range(24):
        yield b"x" * MIB


async def abig():
    for chunk in big():
        yield chunk
        await asyncio.sleep(0)


BODIES = {
    "full": (lambda: drips(5), lambda: adrips(5)),
    "drip": (lambda: drips(300), lambda: adrips(300)),
    "short": (lambda: drips(10, 0.1), lambda: adrips(10, 0.1)),
    "fails": (fails, afails),
    "blocks": (blocks, ablocks),
    "big": (big, abig),
    "dropped": (lambda: drips(5), lambda: adrips(5)),
}
"""By name: a sync body and an async one that do the same."""


def sync_view(request, body):
    return StreamingHttpResponse(BODIES[body][0](), content_type="text/plain")


async def async_view(request, body):
    return StreamingHttpResponse(BODIES[body][1](), content_type="text/plain")


def file_view(request):
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    file.truncate(FILE_SIZE)
    return FileResponse(file, content_type="application/octet-stream", filename="big.bin")


def plain_view(request):
    """As long as the body of an ASGI response must be to be sent in several messages."""
    return HttpResponse(b"x" * 200_000, content_type="text/plain")


urlpatterns = [
    path("sync/<str:body>", sync_view),
    path("async/<str:body>", async_view),
    path("file", file_view),
    path("plain", plain_view),
]


@sync_and_async_middleware
def drop_middleware(get_response):
    """Replaces some streaming responses and never closes them, as a cache may."""

    def settle(request, response):
        return HttpResponse("another") if request.path.endswith("/dropped") else response

    if asyncio.iscoroutinefunction(get_response):

        async def ahandle(request):
            return settle(request, await get_response(request))

        return ahandle
    return lambda request: settle(request, get_response(request))


SETTINGS = {
    "ALLOWED_HOSTS": ["*"],
    "DEBUG": False,
    "INSTALLED_APPS": ["streaminstr.django"],
    "LOGGING": {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler", "level": "CRITICAL"}},
        "root": {"handlers": ["console"]},
    },
    "MIDDLEWARE": [
        "server_site.drop_middleware",
        "django.middleware.gzip.GZipMiddleware",
        "streaminstr.django.middleware.StreamScopeMiddleware",
    ],
    "ROOT_URLCONF": "server_site",
    "SECRET_KEY": "not a secret",
    "STREAMINSTR": {
        "BACKEND": "server_site.RecordBackend",
        "LOG_LEVELS": dict.fromkeys(("completed", "failed", "cancelled", "abandoned")),
    },
    "WSGI_APPLICATION": "server_site.wsgi",
}

if not settings.configured:
    settings.configure(**SETTINGS)
    django.setup(set_prefix=False)

wsgi = get_wsgi_application()
asgi = get_asgi_application()
wsgi_net = wsgi_nets.StreamScopeMiddleware(wsgi)
asgi_net = asgi_nets.StreamScopeMiddleware(asgi)
