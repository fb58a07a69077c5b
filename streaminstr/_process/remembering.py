"""A backend that is added if ROSTER is set. It remembers the streams that have ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streaminstr import attributes as names
from streaminstr._process import progress
from streaminstr._process.memory import memory
from streaminstr._process.rows import EndedStream, name_here

if TYPE_CHECKING:
    from streaminstr._process.roster import Roster
    from streaminstr.types import Attribute, StreamInfo, StreamReport


class RosterBackend:
    """A backend that sends nothing."""

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
        attributes = {**report.attributes, **info.attributes}
        memory.ended.append(
            EndedStream(
                id=info.stream_id,
                name=info.name,
                route=_text(attributes.get(names.HTTP_ROUTE)),
                method=_text(attributes.get(names.HTTP_METHOD)),
                worker=name_here(),
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


def _text(value: Attribute | None) -> str | None:
    return value if isinstance(value, str) else None
