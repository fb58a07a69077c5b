"""The roster: the table of the open streams of all processes, and requests to close one of them.

What a process remembers for it (the streams that ended last, and samples of those that are open)
comes from a scope among the backends and from the background thread. A stream does nothing for it
between its first step and its end.
"""

from __future__ import annotations

import os
import socket
import time
from math import inf
from typing import TYPE_CHECKING

from streaminstr import attributes as names
from streaminstr._process import progress
from streaminstr._process.memory import memory
from streaminstr._process.open_streams import open_streams, rows_of
from streaminstr._process.rows import CloseResult, EndedStream, Table, Worker
from streaminstr._process.shutdown import close_stream

if TYPE_CHECKING:
    from streaminstr._core.life import Life
    from streaminstr._process.rows import Sample
    from streaminstr.types import Attribute, StreamInfo, StreamReport

_LOOK_EVERY = 1.0
"""How often the thread looks at the open streams, in seconds."""
_LOOK_AGAIN = 0.02
"""How often to look whether a stream has ended that was asked to, in seconds."""


class Roster:
    """What the command and the page read, and where they send their requests.

    Without the setting ROSTER (`is_on` is false) it sees the open streams of this process alone,
    without timelines and without those that have ended.
    """

    def __init__(self, *, is_on: bool = False) -> None:
        self.is_on = is_on

    def table(self) -> Table:
        """The streams of all processes, those of this one as they are now. From any thread."""
        rows = tuple(open_streams())
        return Table(
            rows=rows,
            workers=(_this_worker(len(rows)),),
            ended=tuple(sorted(memory.ended, key=lambda one: -one.ended)),
        )

    def timeline(self, id: str) -> tuple[Sample, ...]:  # noqa: A002 - as `close_stream`
        """What an open stream has sent so far, from its beginning: at most 32 samples.

        Empty where there is no such stream, where it has just begun, and without ROSTER.
        """
        return memory.timeline(id)

    def request_close(
        self,
        id: str,  # noqa: A002 - as `close_stream`
        reason: str = "",
        timeout: float = 2.0,
    ) -> CloseResult:
        """Have an open stream end as cancelled by the server, in whatever process it is.

        Waits at most `timeout` seconds for its end: not in the thread of an event loop.
        """
        until = time.monotonic() + timeout
        if not close_stream(id, reason=reason):
            return CloseResult.GONE
        while any(row.id == id for row in open_streams()):
            if time.monotonic() >= until:
                return CloseResult.ASKED
            time.sleep(_LOOK_AGAIN)
        return CloseResult.CLOSED

    def look(self, lives: tuple[Life, ...]) -> float:
        """Take samples of the open streams; returns when to look again. The thread calls it."""
        memory.sample(rows_of(lives))
        return progress.clock() + _LOOK_EVERY if lives else inf


class RosterBackend:
    """Stands among the backends where ROSTER is set: remembers the streams that end."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster

    def open(self, info: StreamInfo) -> RosterScope:
        return RosterScope(info, self.roster)


class RosterScope:
    """Starts the thread with the first stream of a process, and remembers the end of each."""

    __slots__ = ("_info", "_roster")

    def __init__(self, info: StreamInfo, roster: Roster) -> None:
        self._info, self._roster = info, roster

    def start(self) -> dict[str, Attribute]:
        progress.share("roster", self._roster.look)
        return {}

    def close(self, report: StreamReport) -> None:
        info = self._info
        known = {**report.attributes, **info.attributes}
        memory.ended.append(
            EndedStream(
                id=info.stream_id,
                name=info.name,
                route=_text(known.get(names.HTTP_ROUTE)),
                method=_text(known.get(names.HTTP_METHOD)),
                worker=f"{socket.gethostname()}:{os.getpid()}",
                outcome=report.outcome.value,
                cancelled_by=report.cancelled_by,
                error_type=report.error_type,
                close_reason=report.close_reason,
                duration=report.duration,
                chunks=report.chunks,
                events=report.events,
                bytes=report.bytes,
                ended=time.time(),
            )
        )


def _this_worker(count: int) -> Worker:
    host, pid = socket.gethostname(), os.getpid()
    return Worker(name=f"{host}:{pid}", host=host, pid=pid, since=memory.since, age=0.0, open=count)


def _text(value: Attribute | None) -> str | None:
    return value if isinstance(value, str) else None
