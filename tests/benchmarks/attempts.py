"""What each part of a step costs, and what was tried instead: the same loop, a part more each time.

These are not the library's code: each keeps one idea, so that its price can be seen alone.
"""

# ruff: noqa: PLR1730, SIM113, UP028 - the tidier form is another loop, and often a slower one

from __future__ import annotations

import asyncio
import time
from contextvars import copy_context
from itertools import repeat, starmap
from time import perf_counter as clock
from time import perf_counter_ns as nanoseconds
from typing import TYPE_CHECKING, Any

from bodies import NO_LOGS, Silent, async_chunks, chunks, pass_through
from figures import Figure, arguments, show, shown
from micro import STEPS, bare_step, our_step
from rounds import drain, drained, least, repeated

import streaminstr

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

COARSE = 6
"""CLOCK_MONOTONIC_COARSE of Linux, for which Python has no name: steps of 1 to 4 ms."""


def isolated(body: Any) -> Generator[Any, Any, None]:
    yield
    for chunk in body:
        yield chunk


def counted(body: Any) -> Generator[Any, Any, None]:
    chunks = 0
    yield
    for chunk in body:
        chunks += 1
        yield chunk


def sized(body: Any) -> Generator[Any, Any, None]:
    chunks = size = 0
    yield
    for chunk in body:
        chunks += 1
        size += len(chunk) if type(chunk) is bytes else 0
        yield chunk


def gapped(body: Any) -> Generator[Any, Any, None]:
    chunks = size = 0
    longest = left = 0.0
    yield
    for chunk in body:
        now = clock()
        if now - left > longest:
            longest = now - left
        left = now
        chunks += 1
        size += len(chunk) if type(chunk) is bytes else 0
        yield chunk


def timed(body: Any, clock: Any = clock) -> Generator[Any, Any, None]:
    chunks = size = 0
    longest = left = producer = 0.0
    yield
    entered = clock()
    for chunk in body:
        now = clock()
        producer += now - entered
        if now - left > longest:
            longest = now - left
        left = now
        chunks += 1
        size += len(chunk) if type(chunk) is bytes else 0
        yield chunk
        entered = clock()


def timed_in_integers(body: Any) -> Generator[Any, Any, None]:
    return timed(body, nanoseconds)


def timed_coarsely(body: Any) -> Generator[Any, Any, None]:
    read = time.clock_gettime
    chunks = size = 0
    longest = left = producer = 0.0
    yield
    entered = read(COARSE)
    for chunk in body:
        now = read(COARSE)
        producer += now - entered
        if now - left > longest:
            longest = now - left
        left = now
        chunks += 1
        size += len(chunk) if type(chunk) is bytes else 0
        yield chunk
        entered = read(COARSE)


def timed_with_max(body: Any) -> Generator[Any, Any, None]:
    chunks = size = 0
    longest = left = producer = 0.0
    yield
    entered = clock()
    for chunk in body:
        now = clock()
        producer += now - entered
        longest = max(longest, now - left)
        left = now
        chunks += 1
        size += len(chunk) if type(chunk) is bytes else 0
        yield chunk
        entered = clock()


def timed_by_zip(body: Any) -> Generator[Any, Any, None]:
    chunks = size = 0
    longest = left = producer = 0.0
    yield
    entered = clock()
    for chunk, now in zip(body, iter(clock, None)):  # noqa: B905 - one has no end
        producer += now - entered
        if now - left > longest:
            longest = now - left
        left = now
        chunks += 1
        size += len(chunk) if type(chunk) is bytes else 0
        yield chunk
        entered = clock()


class Method:
    """The conventional answer: an iterator object with its numbers in attributes."""

    __slots__ = ("body", "chunks", "left", "longest", "producer", "run", "size")

    def __init__(self, body: Any) -> None:
        self.run, self.body = copy_context().run, body
        self.chunks = self.size = 0
        self.longest = self.left = self.producer = 0.0

    def __iter__(self) -> Method:
        return self

    def __next__(self) -> Any:
        entered = clock()
        chunk = self.run(next, self.body)
        now = clock()
        self.producer += now - entered
        if now - self.left > self.longest:
            self.longest = now - self.left
        self.left = now
        self.chunks += 1
        self.size += len(chunk) if type(chunk) is bytes else 0
        return chunk


def by_map(pump: Callable[[Any], Any]) -> Callable[[], float]:
    def run() -> float:
        started = pump(chunks(STEPS))
        next(started)
        return drain(map(copy_context().run, repeat(next), repeat(started)), STEPS)

    return run


def by_starmap(pump: Callable[[Any], Any]) -> Callable[[], float]:
    def run() -> float:
        started = pump(chunks(STEPS))
        next(started)
        return drain(starmap(copy_context().run, repeat((started.send, None))), STEPS)

    return run


SYNC: dict[str, Callable[[], float]] = {
    "one reading of the clock": lambda: repeated(clock, STEPS),
    "`context.run(next)`, bare": bare_step,
    "a pump that only isolates": by_map(isolated),
    "and counts chunks": by_map(counted),
    "and bytes": by_map(sized),
    "and gaps: one clock": by_map(gapped),
    "and producer and consumer: two clocks": by_map(timed),
    "and is asked to close, and takes `send`: streaminstr": our_step,
    "tried: a class with `__next__` and slots": lambda: drain(Method(chunks(STEPS)), STEPS),
    "tried: `starmap` over `pump.send`": by_starmap(timed),
    "tried: whole nanoseconds": by_map(timed_in_integers),
    "tried: the coarse clock of Linux": by_map(timed_coarsely),
    "tried: `max` for the longest gap": by_map(timed_with_max),
    "tried: the clock read by `zip`": by_map(timed_by_zip),
}


class TaskForEachStep:
    """As langfuse does: isolated, and anyio's scopes and `asyncio.timeout` are broken by it."""

    def __init__(self, body: Any) -> None:
        self.body, self.context = body, copy_context()

    def __aiter__(self) -> TaskForEachStep:
        return self

    async def __anext__(self) -> Any:
        step = self.body.__anext__()
        return await asyncio.get_running_loop().create_task(_awaited(step), context=self.context)


async def _awaited(step: Any) -> Any:
    return await step


class SendForEachStep:
    """No pump: each send of the step's awaitable in the Context, from a generator for each step."""

    def __init__(self, body: Any) -> None:
        self.body, self.run = body, copy_context().run
        self.chunks = self.size = 0
        self.longest = self.left = self.producer = 0.0

    def __aiter__(self) -> SendForEachStep:
        return self

    async def __anext__(self) -> Any:
        entered = clock()
        chunk = await _Sends(self.run, self.body)
        now = clock()
        self.producer += now - entered
        if now - self.left > self.longest:
            self.longest = now - self.left
        self.left = now
        self.chunks += 1
        self.size += len(chunk) if type(chunk) is bytes else 0
        return chunk


class _Sends:
    def __init__(self, run: Any, body: Any) -> None:
        self.run, self.body = run, body

    def __await__(self) -> Generator[Any, Any, Any]:
        send = self.run(self.body.__anext__).__await__().send
        answer = None
        try:
            while True:
                answer = yield self.run(send, answer)
        except StopIteration as stop:
            return stop.value


ASYNC: dict[str, Callable[[Any], Any]] = {
    "a pass-through `async for`": pass_through,
    "streaminstr": streaminstr.stream,
    "tried: a generator for each step": SendForEachStep,
    "tried: a task for each step": TaskForEachStep,
}


def async_case(wrapper: Callable[[Any], Any]) -> Callable[[], float]:
    return lambda: asyncio.run(drained(wrapper(async_chunks(STEPS)), STEPS))


def figures(rounds: int) -> Iterator[Figure]:
    streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
    best = least(SYNC, rounds)
    basis = best["`context.run(next)`, bare"]
    for what, cost in best.items():
        ratio = cost / basis
        yield Figure(what=what, found=f"{shown(cost)} ({ratio:.1f})", against="a sync step")
    best = least({what: async_case(wrapper) for what, wrapper in ASYNC.items()}, rounds)
    basis = best["a pass-through `async for`"]
    for what, cost in best.items():
        ratio = cost / basis
        yield Figure(what=what, found=f"{shown(cost)} ({ratio:.1f})", against="an async step")


if __name__ == "__main__":
    given = arguments(__doc__, rounds=30)
    show(list(figures(given.rounds)), given.json)
