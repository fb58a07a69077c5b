"""A Django site of streaming views, its handlers driven by hand or served by a real server."""

from __future__ import annotations

import asyncio
import os
from io import BytesIO
from time import thread_time_ns as now
from typing import TYPE_CHECKING, Any

import django
from bodies import async_chunks, chunks
from django.conf import settings
from django.http import StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from rounds import drain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.http import HttpRequest

OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
WITH = os.environ.get("BENCH_WITH", "nothing")
"""What a server has of us: nothing, the middleware, or the middleware and the net."""
MIDDLEWARE = [] if WITH == "nothing" else [OURS]
STEPS = 10_000
CHUNKS_A_SECOND = 10

make_chunks: Any = chunks
"""What makes the body of the sync view; a peer puts its own wrapper here."""
make_async_chunks: Any = async_chunks


def steps_of(request: HttpRequest) -> int:
    return int(request.GET.get("steps", STEPS))


def sync_view(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(make_chunks(steps_of(request)))


async def async_view(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(make_async_chunks(steps_of(request)))


async def events(request: HttpRequest) -> StreamingHttpResponse:
    """Server-sent events, ten in a second, until the client leaves."""

    async def ticks() -> AsyncIterator[bytes]:
        while True:
            yield b"data: " + b"x" * 56 + b"\n\n"
            await asyncio.sleep(1 / CHUNKS_A_SECOND)

    return StreamingHttpResponse(ticks(), content_type="text/event-stream")


urlpatterns = [path("sync", sync_view), path("async", async_view), path("events", events)]


def set_up() -> None:
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="of no use here",  # noqa: S106 - a site without secrets
        MIDDLEWARE=MIDDLEWARE,
        STREAMINSTR={"BACKEND": os.environ.get("BENCH_BACKEND", "bodies.Silent")},
        LOGGING_CONFIG=None,
    )
    django.setup()


def handler(kind: str, middleware: list[str]) -> Any:
    """A WSGIHandler or ASGIHandler, which reads the middleware where it is made."""
    from django.core.handlers.asgi import ASGIHandler  # noqa: PLC0415 - after set_up
    from django.core.handlers.wsgi import WSGIHandler  # noqa: PLC0415

    with override_settings(MIDDLEWARE=middleware):
        return WSGIHandler() if kind == "WSGI" else ASGIHandler()


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/sync",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
    "wsgi.errors": None,
    "wsgi.version": (1, 0),
}
SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "asgi": {"version": "3.0"},
    "method": "GET",
    "scheme": "http",
    "path": "/async",
    "raw_path": b"/async",
    "query_string": b"",
    "headers": [],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}


def drive_wsgi(app: Any) -> float:
    """What a WSGI server does; nanoseconds for each chunk after the first."""
    statuses = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        statuses.append(status)

    response = app({**ENVIRON, "wsgi.input": BytesIO()}, start_response)
    cost = drain(response, STEPS)
    getattr(response, "close", int)()
    if statuses != ["200 OK"]:
        raise RuntimeError(statuses)
    return cost


async def drive_asgi(app: Any) -> float:
    """What an ASGI server does; nanoseconds for each chunk after the first."""
    messages = asyncio.Queue[dict[str, Any]]()
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    first = last = count = 0

    async def send(message: dict[str, Any]) -> None:
        nonlocal first, last, count
        if message.get("body"):
            count += 1
            if count == 1:
                first = now()
            elif count == STEPS:
                last = now()

    await app(dict(SCOPE), messages.get, send)
    if count != STEPS:
        msg = f"{count} chunks came and not {STEPS}"
        raise RuntimeError(msg)
    return (last - first) / (count - 1)
