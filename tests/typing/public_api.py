"""Never run, only type-checked: the API as a user's checker sees it."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, assert_type

import streaminstr
from streaminstr import Outcome, StreamInfo, current_stream, shutdown
from streaminstr.testing import RecordingBackend
from streaminstr.types import AsyncStream, OpenStream, Stream, StreamHandle

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator


def rows() -> Iterator[bytes]:
    yield b"row"


async def tokens() -> AsyncIterator[str]:
    yield "token"


def an_iterable_makes_a_stream_of_its_chunks() -> None:
    stream = streaminstr.stream(rows(), name="orders.export", attributes={"shop.id": 7})
    assert_type(stream, Stream[bytes])
    assert_type(next(stream), bytes)
    assert_type(stream.prime(), Stream[bytes])
    assert_type(list(stream), list[bytes])
    with stream as entered:
        assert_type(entered, Stream[bytes])
    with closing(streaminstr.stream([1, 2])) as numbers:
        assert_type(numbers, Stream[int])


async def an_async_iterable_makes_an_async_stream_of_its_chunks() -> None:
    stream = streaminstr.stream(tokens())
    assert_type(stream, AsyncStream[str])
    assert_type(await stream.aprime(), AsyncStream[str])
    assert_type(await anext(stream), str)
    async for token in stream:
        assert_type(token, str)
    async with stream as entered:
        assert_type(entered, AsyncStream[str])
    async with aclosing(streaminstr.stream(tokens())) as closed_later:
        assert_type(closed_later, AsyncStream[str])


def what_is_open_is_a_list_of_rows() -> None:
    rows = streaminstr.open_streams()
    assert_type(rows, list[OpenStream])
    assert_type(rows[0].waits, tuple[str, ...])


def a_stream_may_say_what_it_consists_of() -> None:
    streaminstr.stream(rows(), kind="sse", ends_with=b"data: [DONE]")
    streaminstr.stream(tokens(), kind="chunks", ends_with=("[DONE]", b"[END]"))


def a_stream_is_an_iterable() -> None:
    chunks: Iterable[bytes] = streaminstr.stream(rows())
    iterator: Iterator[bytes] = streaminstr.stream(rows())
    tokens_too: AsyncIterable[str] = streaminstr.stream(tokens())
    async_iterator: AsyncIterator[str] = streaminstr.stream(tokens())
    del chunks, iterator, tokens_too, async_iterator


def there_is_always_a_handle() -> None:
    handle = current_stream()
    assert_type(handle, StreamHandle)
    handle.set_attribute("rows", 3)
    handle.mark("cursor opened")
    handle.add("shop.rows", 1, rate=True)
    handle.fail("sold out", error_type="sold_out")
    handle.fail(LookupError())
    handle.logger.info("cursor opened", rows=3)
    handle.logger.bind(shop="north").warning("slow")
    assert_type(handle.info, StreamInfo)
    assert_type(handle.id, str)
    if handle:
        assert_type(handle, StreamHandle)


def configure_takes_what_names_a_backend() -> None:
    streaminstr.configure()
    streaminstr.configure(None)
    streaminstr.configure("opentelemetry", options={"metrics": False})
    streaminstr.configure(RecordingBackend)
    streaminstr.configure(backend=RecordingBackend(), cancelled_is_error=True)
    streaminstr.configure({"BACKEND": "log", "OPTIONS": {"levels": {}}}, parent="link")
    streaminstr.configure(["ddtrace", RecordingBackend(), {"BACKEND": "log"}])
    backends = [{"BACKEND": "log"}, "ddtrace"]
    levels = {"completed": "debug"}
    streaminstr.configure(backends, log_levels=levels, progress_interval=0.5)
    streaminstr.configure("log", log_levels={Outcome.FAILED: None}, progress_interval=None)
    shutdown(timeout=1)


def modules_are_there_without_an_import_of_their_own() -> None:
    outcome: str = streaminstr.attributes.OUTCOME
    assert outcome
    assert_type(streaminstr.types.Outcome("failed"), Outcome)
    assert_type(streaminstr.__version__, str)
