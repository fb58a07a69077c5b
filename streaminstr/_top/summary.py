"""The lines above the table: how many streams there are, and what the table does not show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streaminstr._top.columns import as_time, printable
from streaminstr._top.options import least_stall

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from streaminstr._process.rows import Table
    from streaminstr.types import OpenStream

_SILENT = 10.0
"""Seconds without a page after which a worker is said to hang."""


def summary(seen: Table, rows: Sequence[OpenStream], asked: argparse.Namespace) -> str:
    """`12 streams in 3 workers, 2 of them silent for 30s; ended: 5 completed, 1 failed`."""
    least = least_stall(asked)
    stalled = sum(row.idle >= least for row in rows)
    outcomes = Counter(printable(one.outcome) for one in seen.ended)
    parts = [
        f"{_count(len(rows), 'stream')} in {_count(len(seen.workers), 'worker')}",
        f", {stalled} silent for {as_time(least)}" if stalled else "",
        "; ended: " if outcomes else "",
        ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()),
    ]
    return "".join(parts)


def remarks(seen: Table) -> Iterator[str]:
    """What the table does not show."""
    if seen.problem:
        yield printable(seen.problem)
    for worker in seen.workers:
        if worker.age > _SILENT:
            yield f"{printable(worker.name)} has written nothing for {as_time(worker.age)}."
    paused = [printable(worker.name) for worker in seen.workers if worker.paused]
    if paused:
        yield f"Paused, without a scope for new streams: {', '.join(paused)}."
    for name, count in seen.truncated.items():
        yield f"{printable(name)} has {count} more, which are not shown."
    if seen.unreadable:
        yield f"What {_count(seen.unreadable, 'worker')} wrote cannot be read."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
