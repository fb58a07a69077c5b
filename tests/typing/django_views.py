"""Never run, only type-checked: `@stream_scope` keeps the exact type of a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

import streaminstr
from streaminstr.django.decorators import stream_scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator


def rows() -> Iterator[bytes]:
    yield b"row"


async def tokens() -> AsyncIterator[bytes]:
    yield b"token"


@stream_scope("orders.export", attributes={"shop": "north"}, ends_with=b"end")
def export(request: HttpRequest, pk: int, *, kind: str = "csv") -> StreamingHttpResponse:
    return StreamingHttpResponse(rows(), headers={"X-Kind": f"{request.path} {pk} {kind}"})


@stream_scope(enabled=False, limit=5)
async def heartbeat(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(tokens(), headers={"X-Path": request.path})


@method_decorator(stream_scope("orders.events"), name="dispatch")
class Events(View):
    @stream_scope("orders.events")
    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(rows(), headers={"X-Path": request.path})


async def the_type_of_a_view_is_what_it_was(request: HttpRequest) -> None:
    assert_type(export(request, 7, kind="json"), StreamingHttpResponse)
    assert_type(await heartbeat(request), StreamingHttpResponse)
    assert_type(Events().get(request), StreamingHttpResponse)
    exact: Callable[[HttpRequest, int], StreamingHttpResponse] = export
    later: Callable[[HttpRequest], Coroutine[Any, Any, StreamingHttpResponse]] = heartbeat
    del exact, later


def a_response_takes_a_stream() -> None:
    StreamingHttpResponse(streaminstr.stream(rows()))
    StreamingHttpResponse(streaminstr.stream(tokens()))


urlpatterns = [
    path("orders/<int:pk>/", export),
    path("heartbeat/", heartbeat),
    path("events/", Events.as_view()),
]
