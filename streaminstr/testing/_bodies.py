"""Bodies that do, in one of their steps, what a promise is about."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names
from streaminstr import current_stream
from streaminstr._core.handle import current
from streaminstr.testing._settle import close_in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    Look = Callable[[], Any]


def chunks() -> Iterator[bytes]:
    """Two chunks."""
    yield b"one"
    yield b"two"


def naming_its_error(body: Iterator[bytes]) -> Iterator[bytes]:
    """Sets the attribute `error.type`, then yields from `body`."""
    current_stream().set_attribute(names.ERROR_TYPE, "Promised")
    yield from body


def failing() -> Iterator[bytes]:
    """Fails in its second step."""
    yield b"one"
    msg = "promised"
    raise LookupError(msg)


def reporting(error_or_reason: BaseException | str, *then: bytes) -> Iterator[bytes]:
    """Reports a failure, and ends normally after the chunks `then`."""
    yield b"chunk"
    current_stream().fail(error_or_reason)
    yield from then


def looking(look: Look, steps: list[Any], clean_up: list[Any]) -> Iterator[bytes]:
    """Keeps what `look` sees in each of three steps, and in the clean-up."""
    try:
        for _ in range(3):
            steps.append(look())
            yield b"chunk"
    finally:
        clean_up.append(look())


def around(
    inside: Callable[[], Any], look: Look | None = None, seen: list[Any] | None = None
) -> Iterator[bytes]:
    """Calls `inside` in its one step, and keeps what `look` sees before and after it."""
    before = look() if look else None
    inside()
    if look and seen is not None:
        seen += [before, look()]
    yield b"chunk"


def lose(stream: Any) -> None:
    """Step a stream, and leave it in a reference cycle."""
    next(stream)
    cycle = [stream]
    cycle.append(cycle)


def collect() -> None:
    """Run the garbage collector."""
    gc.collect()


def describing(attributes: dict[str, Any]) -> Iterator[bytes]:
    """Sets attributes of its own stream."""
    for name, value in attributes.items():
        current_stream().set_attribute(name, value)
    yield b"chunk"


def fields() -> dict[str, Any]:
    """The log fields of the stream whose step is running."""
    handle: Any = current.get()
    return {} if handle is None else dict(handle.fields)


def drain(stream: Any) -> None:
    """Step a stream to its end, which may be a failure."""
    with suppress(LookupError):
        list(stream)


async def async_chunks() -> AsyncIterator[bytes]:
    """Three chunks, each after a turn of the event loop."""
    for chunk in (b"one", b"two", b"three"):
        await asyncio.sleep(0)
        yield chunk


async def async_failing() -> AsyncIterator[bytes]:
    """Fails in its second step."""
    yield b"one"
    await asyncio.sleep(0)
    msg = "promised"
    raise LookupError(msg)


async def async_waiting(waits: asyncio.Event) -> AsyncIterator[bytes]:
    """Never returns from its second step, and sets `waits` when it is there."""
    yield b"one"
    waits.set()
    await asyncio.Event().wait()


async def async_looking(look: Look, steps: list[Any], clean_up: list[Any]) -> AsyncIterator[bytes]:
    """Has no end. Keeps what `look` sees around an await in each step, and in the clean-up."""
    try:
        while True:
            steps.append(look())
            await asyncio.sleep(0)
            steps.append(look())
            yield b"chunk"
    finally:
        clean_up.append(look())


async def async_drain(stream: Any) -> None:
    """Step an async stream to its end, which may be a failure."""
    with suppress(LookupError):
        async for _ in stream:
            pass


async def step(stream: Any) -> None:
    """One step, as a coroutine that a task can be made of."""
    await anext(stream)


async def async_lose(make: Callable[[Any], Any]) -> None:
    """Make an async stream, step it once, and drop it."""
    await anext(make(async_chunks()))


async def step_and_close(stream: Any) -> None:
    """Step a stream and close it from a thread; returns when its scope has closed."""
    await anext(stream)
    await close_in_thread(stream)
