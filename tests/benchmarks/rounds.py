"""Timing: cases that are compared take turns, so that whatever slows the machine meets them all.

What is measured is the thread's processor time: other programs take turns, too, but no time of it.
"""

from __future__ import annotations

import gc
from statistics import median
from time import thread_time_ns as now
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable


def least(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The least of each case's figures over `rounds`: noise only ever adds to a cost."""
    return {name: min(figures) for name, figures in take_turns(cases, rounds).items()}


def middle(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each case's figures: for what is not the processor's work alone."""
    return {name: median(figures) for name, figures in take_turns(cases, rounds).items()}


def take_turns(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The figures of every case, one from each round."""
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            gc.collect()
            figures[name].append(case())
    return figures


def drain(chunks: Iterable[object], steps: int) -> float:
    """Nanoseconds that each step takes after the first, which opens the scope."""
    iterator = iter(chunks)
    next(iterator)
    began = now()
    for _ in iterator:
        pass
    return (now() - began) / (steps - 1)


async def drained(body: AsyncIterator[object], steps: int) -> float:
    """The same of an async body."""
    await anext(body)
    began = now()
    async for _ in body:
        pass
    return (now() - began) / (steps - 1)


def by_hand(running: Coroutine[object, None, float]) -> float:
    """Run a coroutine with no event loop, so that nothing but the step is measured."""
    try:
        while True:
            running.send(None)
    except StopIteration as stop:
        return float(stop.value)


def repeated(function: Callable[[], object], times: int) -> float:
    """Nanoseconds that each call of `function` takes."""
    began = now()
    for _ in range(times):
        function()
    return (now() - began) / times
