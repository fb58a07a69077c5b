"""The texts of the pages about streams: numbers with units, and counts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streaminstr.django.page.listing import Listing, label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streaminstr._process.rows import EndedStream, Table, Worker
    from streaminstr.types import OpenStream

STALLED = 30.0
"""Seconds without a chunk after which a stream is shown as stalled."""
MOST_STALLED = 10
"""How many of them are shown beside the table."""
SILENT_WORKER = 5.0
"""Seconds after which a process that writes nothing is noted: it writes each second."""
HEADINGS = (
    ("name", "Stream"),
    ("age", "Open for"),
    ("idle", "Last chunk"),
    ("chunks", "Chunks"),
    ("bytes", "Sent"),
    ("turn", "Waits for"),
    ("waits_at", "Where"),
    ("worker", "Worker"),
)
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_KILO = 1000.0


def duration(seconds: float) -> str:
    """Seconds as a person writes them: `0.4 s`, `59 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 10:  # noqa: PLR2004 - tenths say nothing any more
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"


def size(number: float | None) -> str:
    """Bytes as a person writes them: `312 B`, `1.2 kB`."""
    if number is None:
        return "unknown"
    if number < _KILO:
        return f"{number:.0f} B"
    units = iter(("kB", "MB", "GB", "TB"))
    unit = next(units)
    number /= _KILO
    while number >= _KILO and (larger := next(units, None)):
        number, unit = number / _KILO, larger
    return f"{number:.1f} {unit}"


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


@dataclass(frozen=True, slots=True)
class Cells:
    """One open stream in a table."""

    row: OpenStream
    label: str
    age: str
    idle: str
    is_stalled: bool
    chunks: str
    bytes: str


def cells(row: OpenStream) -> Cells:
    """What a table says of `row`."""
    chunks = f"{count(row.chunks)} / {count(row.events)} ev" if row.events else count(row.chunks)
    return Cells(
        row=row,
        label=label(row),
        age=duration(row.age),
        idle=duration(row.idle),
        is_stalled=row.idle >= STALLED,
        chunks=chunks,
        bytes=size(row.bytes),
    )


@dataclass(frozen=True, slots=True)
class Route:
    """All open streams of one route."""

    name: str
    open: str
    stalled: int
    oldest: str
    bytes: str
    address: str


def routes(rows: Sequence[OpenStream]) -> list[Route]:
    """Counts by route, the most streams first."""
    by_name: dict[str, list[OpenStream]] = {}
    for row in rows:
        by_name.setdefault(label(row), []).append(row)
    most_first = sorted(by_name.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Route(
            name=name,
            open=count(len(of_it)),
            stalled=sum(row.idle >= STALLED for row in of_it),
            oldest=duration(max(row.age for row in of_it)),
            bytes=size(sum(row.bytes for row in of_it)),
            address=Listing(route=name).address(),
        )
        for name, of_it in most_first
    ]


def stalled(rows: Iterable[OpenStream]) -> list[Cells]:
    """Those that have sent no chunk for the longest time."""
    silent = (row for row in rows if row.idle >= STALLED)
    return [cells(row) for row in sorted(silent, key=lambda row: -row.idle)[:MOST_STALLED]]


@dataclass(frozen=True, slots=True)
class Ended:
    """One stream that has just ended."""

    one: EndedStream
    label: str
    ago: str
    duration: str
    bytes: str
    outcome: str
    why: str


def ended(one: EndedStream) -> Ended:
    """What a table says of a stream that has ended."""
    by = f" by {one.cancelled_by}" if one.cancelled_by else ""
    return Ended(
        one=one,
        label=label(one),
        ago=duration(time.time() - one.ended),
        duration=duration(one.duration),
        bytes=size(one.bytes),
        outcome=f"{one.outcome}{by}",
        why=one.close_reason or one.error_type or "",
    )


def totals(table: Table) -> dict[str, Any]:
    """The numbers above the table; those of rows that are left out of it are counted, too."""
    left_out = sum(table.truncated.values())
    turns = Counter(row.turn for row in table.rows)
    return {
        "open": count(len(table.rows) + left_out),
        "left_out": count(left_out) if left_out else "",
        "stalled": count(sum(row.idle >= STALLED for row in table.rows)),
        "turns": [(turn, count(turns[turn])) for turn in ("producer", "upstream", "consumer")],
        "workers": len(table.workers),
    }


@dataclass(frozen=True, slots=True)
class WorkerCells:
    """One process."""

    name: str
    open: str
    since: str
    silent: str
    """For how long it has written nothing, where that is too long."""
    paused: bool
    address: str


def worker(one: Worker) -> WorkerCells:
    """What a table says of a process."""
    return WorkerCells(
        name=one.name,
        open=count(one.open),
        since=duration(time.time() - one.since),
        silent=duration(one.age) if one.age > SILENT_WORKER else "",
        paused=one.paused,
        address=Listing(worker=one.name).address(),
    )
