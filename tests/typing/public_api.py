"""Never run, only type-checked: the API as a user's checker sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import streaminstr
from streaminstr import Backend, Outcome, StreamInfo, StreamReport, StreamScope
from streaminstr.types import AsyncStream, Stream, StreamHandle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping


def rows() -> Iterator[bytes]:
    yield b"row"


async def tokens() -> AsyncIterator[str]:
    yield "token"


def an_iterable_gives_a_stream_of_its_chunks() -> None:
    stream = streaminstr.stream(rows(), name="orders.export", attributes={"shop.id": 7})
    assert_type(stream, Stream[bytes])
    assert_type(next(stream), bytes)
    with stream as entered:
        assert_type(entered, Stream[bytes])


async def an_async_iterable_gives_an_async_stream_of_its_chunks() -> None:
    stream = streaminstr.stream(tokens())
    assert_type(stream, AsyncStream[str])
    async for token in stream:
        assert_type(token, str)
    async with stream as entered:
        assert_type(entered, AsyncStream[str])


def there_is_always_a_handle() -> None:
    handle = streaminstr.current_stream()
    assert_type(handle, StreamHandle)
    handle.set_attribute("rows", 3)
    handle.logger.info("cursor opened", rows=3)
    assert_type(handle.info, StreamInfo)


class ShopScope:
    def start(self) -> Mapping[str, str]:
        return {}

    def close(self, report: StreamReport) -> None:
        assert_type(report.outcome, Outcome)
        assert_type(report.time_to_first_chunk, float | None)


class ShopBackend:
    def open(self, info: StreamInfo) -> ShopScope:
        assert_type(info.name, str)
        return ShopScope()


backend: Backend = ShopBackend()
scope: StreamScope = ShopScope()
streaminstr.configure(backend=ShopBackend(), cancelled_is_error=True)
streaminstr.stream(7)  # type: ignore[call-overload]  # neither an iterable nor an async one
