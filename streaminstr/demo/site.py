"""The demo's Django site: sync bodies for the WSGI server, async bodies for the ASGI server."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware

from streaminstr import current_stream
from streaminstr.demo.event_streams import PAUSE, chat, chat_async, prices, prices_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from streaminstr.demo.spans import Recorder

LEAVES_AFTER = 3
"""Rows that the client of `live/` reads before it leaves."""
PATIENCE = 5.0
"""Seconds for which `live/` waits for its client to leave."""

request_id: ContextVar[str] = ContextVar("streaminstr.demo.request_id", default="-")
client_left = Event()
"""Set when the client of `live/` has gone, so that the number of chunks is always the same."""


def site_settings(recorder: Recorder) -> dict[str, Any]:
    """Django's settings; the last two middlewares and STREAMINSTR are what is shown here."""
    return {
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "DEMO_RECORDER": recorder,
        "INSTALLED_APPS": ["streaminstr.django"],
        "LOGGING_CONFIG": None,
        "MIDDLEWARE": [
            "django.middleware.http.ConditionalGetMiddleware",
            "streaminstr.demo.site.request_span",
            "streaminstr.django.middleware.StreamScopeMiddleware",
        ],
        "ROOT_URLCONF": "streaminstr.demo.site",
        "STREAMINSTR": {"BACKEND": recorder.setting, "OPTIONS": recorder.options},
    }


def span(name: str, **attributes: str) -> Any:
    """A span of the application's own, in the vendor's way."""
    return settings.DEMO_RECORDER.span(name, **attributes)


@sync_and_async_middleware
def request_span(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """What a site has already: a span and an id of the request, both gone once it is answered."""
    if iscoroutinefunction(get_response):

        async def wait_for_answer(request: HttpRequest) -> HttpResponseBase:
            token = request_id.set(request.headers.get("X-Request-ID", "by-hand"))
            with span("request", request_id=request_id.get()):
                response: HttpResponseBase = await get_response(request)
            request_id.reset(token)
            return response

        return wait_for_answer

    def answer(request: HttpRequest) -> HttpResponseBase:
        token = request_id.set(request.headers.get("X-Request-ID", "by-hand"))
        with span("request", request_id=request_id.get()):
            response: HttpResponseBase = get_response(request)
        request_id.reset(token)
        return response

    return answer


def log(text: str) -> None:
    """Log a line inside of a body."""
    current_stream().logger.info(text)


def export() -> Iterator[bytes]:
    """Rows that all arrive."""
    with span("open cursor"):
        log("cursor opened")
    for number in range(5):
        time.sleep(PAUSE)
        yield b"order %d\n" % number


async def export_async() -> AsyncIterator[bytes]:
    """Rows that all arrive."""
    with span("open cursor"):
        log("cursor opened")
    for number in range(5):
        await asyncio.sleep(PAUSE)
        yield b"order %d\n" % number


def broken() -> Iterator[bytes]:
    """Rows up to one that cannot be made."""
    yield b"order 0\n"
    yield b"order 1\n"
    time.sleep(PAUSE)
    with span("read row"):
        raise ValueError(_BROKEN)


async def broken_async() -> AsyncIterator[bytes]:
    """Rows up to one that cannot be made."""
    yield b"order 0\n"
    yield b"order 1\n"
    await asyncio.sleep(PAUSE)
    with span("read row"):
        raise ValueError(_BROKEN)


_BROKEN = "order 2 has no price"


def live() -> Iterator[bytes]:
    """Rows for a client that leaves. A WSGI server notices when it has more to send."""
    try:
        for number in range(LEAVES_AFTER):
            yield b"order %d\n" % number
        client_left.wait(PATIENCE)
        yield b"no more orders\n"
    finally:
        with span("release"):
            log("cleaned up")


async def live_async() -> AsyncIterator[bytes]:
    """Rows for a client that leaves. An ASGI server notices at once."""
    try:
        for number in range(LEAVES_AFTER):
            yield b"order %d\n" % number
        await asyncio.sleep(PATIENCE)
    finally:
        with span("release"):
            log("cleaned up")


def events() -> Iterator[str]:
    """Server-sent events, each from a query of its own."""
    for number in range(3):
        with span("query"):
            time.sleep(PAUSE)
            with span("render"):
                event = f"id: {number}\ndata: order {number}\n\n"
        log(f"event {number}")
        yield event


async def events_async() -> AsyncIterator[str]:
    """Server-sent events, each from a query of its own."""
    for number in range(3):
        with span("query"):
            await asyncio.sleep(PAUSE)
            with span("render"):
                event = f"id: {number}\ndata: order {number}\n\n"
        log(f"event {number}")
        yield event


def streaming(
    body: Callable[[], Iterator[Any]],
    async_body: Callable[[], AsyncIterator[Any]],
    content_type: str = "text/plain",
) -> Callable[[HttpRequest], StreamingHttpResponse]:
    """A view that streams. None of these views imports the library."""

    def view(request: HttpRequest) -> StreamingHttpResponse:
        rows = async_body() if isinstance(request, ASGIRequest) else body()
        return StreamingHttpResponse(rows, content_type=content_type, headers={"ETag": '"1"'})

    return view


def file(request: HttpRequest) -> FileResponse:  # noqa: ARG001 - Django's signature
    """A file: this very module."""
    return FileResponse(Path(__file__).open("rb"), content_type="text/x-python")


_TRY = {
    "export/": "rows that all arrive",
    "broken/": "rows, and then an exception",
    "live/": "rows for a client that leaves: stop loading the page",
    "events/": "server-sent events, each from a query of its own",
    "prices/": "server-sent events with pings",
    "chat/": "tokens of a model that breaks off after the status 200",
    "file/": "a file",
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>streaminstr demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>:root {{color-scheme: light dark}} body {{font: 16px/1.6 sans-serif; max-width: 40em;
margin: 2em auto; padding: 0 1em}}</style><h1>streaminstr demo</h1>
<p>Each link is a streamed response of this {server} server. The terminal shows how it ended.</p>
<ul>{links}</ul></html>"""


def index(request: HttpRequest) -> HttpResponse:
    """A page with a link to each stream, for `demo --keep`."""
    links = (f'<li><a href="/{path}">{path}</a> {text}</li>' for path, text in _TRY.items())
    server = "ASGI" if isinstance(request, ASGIRequest) else "WSGI"
    return HttpResponse(_PAGE.format(server=server, links="".join(links)))


urlpatterns = [
    path("", index),
    path("export/", streaming(export, export_async)),
    path("broken/", streaming(broken, broken_async)),
    path("live/", streaming(live, live_async)),
    path("events/", streaming(events, events_async, "text/event-stream")),
    path("prices/", streaming(prices, prices_async, "text/event-stream")),
    path("chat/", streaming(chat, chat_async, "text/event-stream")),
    path("file/", file),
]
