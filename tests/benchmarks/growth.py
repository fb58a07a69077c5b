"""How the cost grows with each thing that there can be more of: flat, or in proportion."""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from functools import partial
from itertools import repeat
from math import log
from time import thread_time_ns as now
from typing import TYPE_CHECKING

from bodies import NO_LOGS, Silent, chunks
from figures import Figure, arguments, show, shown
from rounds import drain, least, repeated

import streaminstr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STEPS = 2_000


def streamed(steps: int, chunk: object = b"x" * 64) -> streaminstr.Stream[object]:
    return streaminstr.stream(chunks(steps, chunk), name="growth")


def whole_stream(steps: int) -> float:
    """All of a stream: its scope, too."""
    began = now()
    for _ in streamed(steps):
        pass
    return now() - began


def open_streams(count: int) -> float:
    """One step of each of many open streams, in turn."""
    open_ones = [streamed(4) for _ in range(count)]
    for stream in open_ones:
        next(stream)
    began = now()
    for stream in open_ones:
        next(stream)
    cost = (now() - began) / count
    for stream in open_ones:
        stream.close()
    return cost


def nested(depth: int) -> float:
    """A stream of a stream of a stream."""
    body = chunks(STEPS)
    for _ in repeat(None, depth):
        body = streaminstr.stream(body, name="growth")
    return drain(body, STEPS)


def in_context_of(variables: int, measured: Callable[[], float]) -> float:
    def fill() -> float:
        for kept in VARIABLES[:variables]:
            kept.set(1)
        return measured()

    return copy_context().run(fill)


VARIABLES = [ContextVar(f"growth_{number}") for number in range(200)]


def with_backends(count: int, measured: Callable[[], float]) -> float:
    # A log backend is always there, besides; with no backend at all nothing is wrapped in Django.
    streaminstr.configure(backend=[Silent() for _ in range(count)] or None, log_levels=NO_LOGS)
    cost = measured()
    streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
    return cost


def one_scope() -> None:
    for _ in streamed(1):
        pass


def steps() -> float:
    return drain(streamed(STEPS), STEPS)


def scopes() -> float:
    return repeated(one_scope, 200)


CURVES: dict[str, tuple[Sequence[int], Callable[[int], float]]] = {
    "chunks: the whole stream": ((100, 1_000, 10_000, 100_000, 1_000_000), whole_stream),
    "size of a chunk in bytes: a step": (
        (1, 64, 1_024, 65_536, 1_048_576),
        lambda size: drain(streamed(STEPS, b"x" * size), STEPS),
    ),
    "size of a text chunk, not ASCII: a step": (
        (1, 64, 1_024, 65_536),
        lambda size: drain(streamed(200, "\u00fc" * size), 200),
    ),
    "open streams: a step of each": ((1, 10, 100, 1_000, 5_000, 20_000), open_streams),
    "nested streams: a step": ((1, 2, 5, 10, 20, 50), nested),
    "context variables: a step": (
        (1, 10, 50, 100, 200),
        lambda count: in_context_of(count, steps),
    ),
    "context variables: a scope": (
        (1, 10, 50, 100, 200),
        lambda count: in_context_of(count, scopes),
    ),
    "backends: a step": ((0, 1, 2, 3), lambda count: with_backends(count, steps)),
    "backends: a scope": ((0, 1, 2, 3), lambda count: with_backends(count, scopes)),
}


def slope(costs: dict[int, float]) -> float:
    """The exponent of the growth between the last half of the curve's points: 0 flat, 1 linear."""
    sizes = sorted(costs)
    low, high = sizes[len(sizes) // 2 - 1], sizes[-1]
    return log(costs[high] / costs[low]) / log((high + 1) / (low + 1))


def verdict(exponent: float) -> str:
    """In words; between the two, a fixed part is still to be seen."""
    if exponent < 0.15:
        return "flat"
    return "linear" if exponent < 1.1 else "MORE THAN LINEAR"


def figures(rounds: int) -> Iterator[Figure]:
    streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
    for what, (sizes, cost_of) in CURVES.items():
        costs = least({size: partial(cost_of, size) for size in sizes}, rounds)
        points = ", ".join(f"{size:,}: {shown(cost)}" for size, cost in costs.items())
        exponent = slope(costs)
        yield Figure(
            what=what,
            found=f"{verdict(exponent)} (exponent {exponent:.2f}): {points}",
            budget="flat or linear",
        )


if __name__ == "__main__":
    given = arguments(__doc__, rounds=5)
    show(list(figures(given.rounds)), given.json)
