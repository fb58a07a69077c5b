"""Never run, only type-checked: `@stream_scope` of the adapter for Starlette keeps an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import StreamingResponse

from streaminstr.starlette import instrument, stream_scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


@stream_scope("chat", attributes={"llm.model": "small"}, ends_with=("data: [DONE]\n\n", b"end"))
async def chat(room: str, *, limit: int = 10) -> AsyncIterator[bytes]:
    yield f"{room} {limit}".encode()


@stream_scope(enabled=False)
class Page(HTTPEndpoint):
    @stream_scope("page")
    async def get(self, request: Request) -> StreamingResponse:
        return StreamingResponse(chat(request.url.path))


async def the_type_of_an_endpoint_is_what_it_was(page: Page, request: Request) -> None:
    assert_type(chat("tea", limit=1), "AsyncIterator[bytes]")
    assert_type(await page.get(request), StreamingResponse)


def wanted(request: Request, response: object) -> bool:
    return request.url.path != "/health" and response is not None


instrument(Starlette(), filter=wanted, ends_with={"/chat/{room}": b"data: [DONE]\n\n"})
