"""All that the page reads from the roster, and the one request that it sends there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streaminstr import _configure

if TYPE_CHECKING:
    from streaminstr._process.rows import CloseResult, EndedStream, Sample, Table
    from streaminstr.types import OpenStream


def has_roster() -> bool:
    """Whether the setting ROSTER is on; without it the page sees this process alone."""
    return _configure.roster().is_on


def table() -> Table:
    """What is open in all processes, the processes, and what has just ended."""
    return _configure.roster().table()


def find(stream_id: str) -> OpenStream | EndedStream | None:
    """The stream of this id, open or ended a short time ago; None where no process knows it."""
    seen = table()
    both: tuple[OpenStream | EndedStream, ...] = (*seen.rows, *seen.ended)
    matches = (one for one in both if one.id == stream_id)
    return next(matches, None)


def samples(stream_id: str) -> tuple[Sample, ...]:
    """What an open stream had sent at moments of its life; empty without the setting ROSTER."""
    return _configure.roster().timeline(stream_id)


def close(stream_id: str, reason: str) -> CloseResult:
    """Have a stream end, in whatever process it is; waits for two seconds at most."""
    return _configure.roster().request_close(stream_id, reason)
