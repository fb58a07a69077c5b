"""Never run, only type-checked: `@streamed` keeps the parameters of what it decorates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from streaminstr import streamed
from streaminstr.types import AsyncStream, Stream, StreamHandle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator


@streamed("orders.rows", attributes={"shop.kind": "csv"})
def rows(count: int, *, start: int = 0) -> Iterator[bytes]:
    yield f"{start} of {count}".encode()


@streamed()
async def tokens(count: int, *, start: int = 0) -> AsyncIterator[str]:
    yield f"{start} of {count}"


@streamed()
def numbers(count: int) -> list[int]:
    return list(range(count))


@streamed()
async def numbers_later(count: int) -> list[int]:
    return list(range(count))


async def plain_tokens() -> AsyncIterator[str]:
    yield "token"


@streamed()
async def tokens_later(model: str) -> AsyncIterator[str]:
    assert model
    return plain_tokens()


class Shop:
    @streamed()
    def rows(self, count: int) -> Iterator[bytes]:
        yield b"row" * count

    @staticmethod
    @streamed()
    def numbers(count: int) -> list[int]:
        return list(range(count))

    @classmethod
    @streamed()
    async def tokens(cls, count: int) -> AsyncIterator[str]:
        yield "token" * count


@streamed(pass_stream=True)
def with_handle(count: int, stream: StreamHandle) -> Iterator[int]:
    stream.set_attribute("rows", count)
    yield count


@streamed(pass_stream=True)
async def with_handle_later(stream: StreamHandle) -> list[str]:
    return [stream.info.name]


async def each_kind_of_function_returns_its_kind_of_stream() -> None:
    assert_type(rows(3, start=1), Stream[bytes])
    assert_type(tokens(3, start=1), AsyncStream[str])
    assert_type(numbers(count=3), Stream[int])
    assert_type(await numbers_later(3), Stream[int])
    assert_type(await tokens_later(model="large"), AsyncStream[str])


async def so_does_each_kind_of_method() -> None:
    assert_type(Shop().rows(3), Stream[bytes])
    assert_type(Shop.numbers(3), Stream[int])
    assert_type(Shop.tokens(3), AsyncStream[str])


async def so_does_what_the_handle_is_passed_to() -> None:
    assert_type(with_handle(3), Stream[int])
    assert_type(await with_handle_later(), Stream[str])


def a_decorated_function_is_still_a_function() -> None:
    plain: Callable[[int], Stream[int]] = numbers
    later: Callable[[int], Coroutine[Any, Any, Stream[int]]] = numbers_later
    bound: Callable[[int], Stream[bytes]] = Shop().rows
    lines = streamed("lines")(lambda: ["line"])
    assert_type(lines(), Stream[str])
    del plain, later, bound
