"""The site of the live demo: bodies of each kind, the page of open streams, and a login."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import LoginView
from django.http import StreamingHttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

import streaminstr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from django.http import HttpRequest

EVENTS = "text/event-stream"
_PAUSE = 0.5
"""Seconds between the chunks of a healthy stream."""
_ORDERS = 20
_TOKENS = ("The", "order", "has", "left", "the")
_BLOCK = b"order,price\n" * 4096
_PINGS = 4


def export() -> Iterator[bytes]:
    """Rows that are there at once: only the client takes its time."""
    while True:
        yield _BLOCK


def broken_report() -> Iterator[bytes]:
    """Rows up to one that cannot be made."""
    for number in count():  # pragma: no branch - it breaks
        time.sleep(_PAUSE)
        yield price_of(number)


def price_of(number: int) -> bytes:
    """A row; there is none for the fifth order."""
    prices = (9.5, 9.75, 8.0, 12.25)
    if number == len(prices):
        msg = f"order {number} has no price"
        raise ValueError(msg)
    return b"order %d: %.2f\n" % (number, prices[number])


async def feed(shop: int) -> AsyncIterator[str]:
    """An event stream as it should be, which comes to its end; with more orders in some shops."""
    for number in range(_ORDERS * shop):  # pragma: no branch - tests do not wait for the last
        await next_order()
        yield f"id: {number}\ndata: order {number}\n\n"


async def next_order() -> None:
    """Wait for an order."""
    await asyncio.sleep(_PAUSE)


async def chat() -> AsyncIterator[str]:
    """The tokens of a model, which stops answering."""
    async with streaminstr.stream(model(), name="model.answer") as tokens:
        async for token in tokens:  # pragma: no branch - they stop coming
            streaminstr.current_stream().add("demo.tokens", 1, rate=True)
            yield f"data: {token}\n\n"


async def model() -> AsyncIterator[str]:
    """What a client of a model yields."""
    for token in _TOKENS:
        await asyncio.sleep(_PAUSE / 2)
        yield token
    yield await rest_of_answer()


async def rest_of_answer() -> str:
    """Wait for a model that has stopped answering."""
    await asyncio.Event().wait()
    return ""  # pragma: no cover - it never comes


async def prices() -> AsyncIterator[str]:
    """An event stream without an end: a price now and then, and pings between."""
    for number in count():  # pragma: no branch - it has no end
        for _ in range(_PINGS):
            await asyncio.sleep(_PAUSE)
            yield ": ping\n\n"
        yield f"data: {9.5 + number % 4 / 4:.2f}\n\n"


def _view(
    body: Callable[..., Any], content_type: str = "text/csv"
) -> Callable[..., StreamingHttpResponse]:
    def view(request: HttpRequest, **arguments: int) -> StreamingHttpResponse:  # noqa: ARG001
        return StreamingHttpResponse(body(**arguments), content_type=content_type)

    return view


urlpatterns = [
    path("", RedirectView.as_view(url="/streams/")),
    path("login/", LoginView.as_view(template_name="demo/login.html")),
    path("streams/", include("streaminstr.django.urls")),
    path("orders/<int:shop>/feed/", _view(feed, EVENTS)),
    path("export/", _view(export)),
    path("report/", _view(broken_report)),
    path("chat/", _view(chat, EVENTS)),
    path("prices/", _view(prices, EVENTS)),
]
