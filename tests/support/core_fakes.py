"""Bodies, clocks and backends that the tests of the core share."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar, copy_context
from types import coroutine

from streaminstr import current_stream

bound: ContextVar[str] = ContextVar("bound", default="unbound")


class ScriptedClock:
    """Gives the times it was given, in their order; after the last it stands still."""

    def __init__(self, *times):
        self.times = list(times)

    def __call__(self):
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


class Iterator:
    """A body that is an iterator object, and notes how and where it is closed."""

    def __init__(self, *chunks, error=None):
        self.chunks = list(chunks)
        self.error = error
        self.closed_in = []

    def __iter__(self):
        return self

    def __next__(self):
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopIteration

    def close(self):
        self.closed_in.append(current_stream())


class AsyncIterator:
    """The same for an async body, with an `aclose`; each step goes once to the loop."""

    def __init__(self, *chunks, error=None):
        self.chunks = list(chunks)
        self.error = error
        self.closed_in = []

    def __aiter__(self):
        return self

    async def __anext__(self):
        await switch()
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopAsyncIteration

    async def aclose(self):
        await switch()
        self.closed_in.append(current_stream())


@coroutine
def switch():
    """Give the turn to whoever drives: an event loop, or a test by hand."""
    yield


async def until(condition):
    """Let the loop go on until `condition()` holds."""
    # What is waited for must not know of it, so it can set no event.
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def by_hand(awaitable):
    """Drive an awaitable to its end where no loop runs; gives what it returns."""
    steps = awaitable.__await__() if hasattr(awaitable, "__await__") else awaitable
    try:
        while True:
            steps.send(None)
    except StopIteration as end:
        return end.value


def surroundings():
    """All that the caller's Context holds."""
    return dict(copy_context().items())


def in_thread(function, *arguments):
    """Run `function` in a thread of its own, and give what it returns or raise what it raises."""
    results = []

    def run():
        try:
            results.append((function(*arguments), None))
        except BaseException as error:  # noqa: BLE001 - it is raised again by the test's thread
            results.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    result, error = results[0]
    if error is not None:
        raise error
    return result
