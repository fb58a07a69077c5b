"""A site for real servers: `/plain/...` without us and `/ours/...` with us, in one process.

STREAMINSTR_RECORD names the file in which each line says what became of a body or of its stream.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextvars import ContextVar

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from real_files import BIG

here = ContextVar("here", default=None)
"""The path of the request that the code belongs to."""
PAUSE = 0.02
"""Seconds from one chunk to the next of a stream that a client leaves."""


class RecordBackend:
    """Writes down how each stream ended."""

    def open(self, info):
        return RecordScope(info.attributes.get("url.path", info.name))


class RecordScope:
    def __init__(self, url_path):
        self.path = url_path

    def start(self):
        write(self.path, "parent", here.get())
        return {}

    def close(self, report):
        by = report.cancelled_by
        outcome = f"{report.outcome.value}{f' by {by}' if by else ''}"
        write(self.path, "outcome", outcome)
        write(self.path, "bytes", report.bytes)


def write(url_path, what, value):
    line = json.dumps([url_path, what, value]).encode() + b"\n"
    file = os.open(os.environ["STREAMINSTR_RECORD"], os.O_WRONLY | os.O_APPEND)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def fail_at(number, ending):
    if number == 1 and ending == "fails":
        message = "as the test wants it"
        raise ValueError(message)


def lines(url_path, ending):
    try:
        for number in range(300 if ending == "leaves" else 4):
            yield f"{number}\n"
            fail_at(number, ending)
            time.sleep(PAUSE)
    finally:
        write(url_path, "body", "cleaned up")


async def async_lines(url_path, ending, sleep=asyncio.sleep):
    try:
        for number in range(300 if ending == "leaves" else 4):
            yield f"{number}\n"
            fail_at(number, ending)
            await sleep(PAUSE)
    finally:
        write(url_path, "body", "cleaned up")


class Storage:
    """A file of a storage's, which has no descriptor, and whose connection may fail."""

    closed = False

    def __init__(self, url_path, ending):
        self.url_path, self.ending = url_path, ending
        self.left = BIG

    def read(self, size):
        if self.ending == "fails" and self.left < BIG // 2:
            message = "as the test wants it"
            raise OSError(message)
        size = min(size, self.left)
        self.left -= size
        return b"x" * size

    def close(self):
        if not self.closed:
            write(self.url_path, "read", BIG - self.left)
            write(self.url_path, "body", "cleaned up")
        self.closed = True


def stream(request, who, ending):
    return StreamingHttpResponse(lines(request.path, ending), content_type="text/plain")


async def async_stream(request, who, ending):
    return StreamingHttpResponse(async_lines(request.path, ending), content_type="text/plain")


def file(request, who, ending):
    return FileResponse(Storage(request.path, ending), content_type="text/plain")


def page(request, who):
    return HttpResponse("page", content_type="text/plain")


urlpatterns = [
    path("<who>/stream/<ending>", stream),
    path("<who>/async/<ending>", async_stream),
    path("<who>/file/<ending>", file),
    path("<who>/page", page),
]
settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["streaminstr.django"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",  # noqa: S106 - nothing is signed with it
    STREAMINSTR={
        "BACKEND": "real_server_site.RecordBackend",
        "LOG_LEVELS": dict.fromkeys(("completed", "failed", "cancelled", "abandoned")),
    },
)
django.setup()

from streaminstr import asgi as asgi_nets  # noqa: E402 - the nets of a process that has Django
from streaminstr import wsgi as wsgi_nets  # noqa: E402

OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
plain_wsgi, plain_asgi = WSGIHandler(), ASGIHandler()
with override_settings(MIDDLEWARE=[OURS]):
    our_wsgi = wsgi_nets.StreamScopeMiddleware(WSGIHandler())
    our_asgi = asgi_nets.StreamScopeMiddleware(ASGIHandler())


def wsgi(environ, start_response):
    here.set(environ["PATH_INFO"])
    is_ours = environ["PATH_INFO"].startswith("/ours/")
    return (our_wsgi if is_ours else plain_wsgi)(environ, start_response)


async def asgi(scope, receive, send):
    if scope["type"] != "http":  # a server goes on without a lifespan
        raise NotImplementedError
    here.set(scope["path"])
    is_ours = scope["path"].startswith("/ours/")
    await (our_asgi if is_ours else plain_asgi)(scope, receive, send)
