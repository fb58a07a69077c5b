"""The embedded backend: structured log events alone, from structlog or standard logging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streaminstr import structlog
from streaminstr._life import current_stream
from streaminstr._scope import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._scope import Attribute, Backend, StreamInfo, StreamReport


LEVELS = ("debug", "info", "warning", "error", "critical")
DEFAULT_LEVELS: Mapping[str, str | None] = {
    Outcome.COMPLETED: "info",
    Outcome.FAILED: "error",
    Outcome.CANCELLED: "info",
    Outcome.ABANDONED: "warning",
}
"""Level of `stream_closed` by outcome; None: no event."""


class LogBackend:
    """One event `stream_closed` for each stream, at a level by outcome."""

    def __init__(self, *, levels: Mapping[str, str | None] | None = None) -> None:
        self.levels = levels

    def open(self, info: StreamInfo) -> LogScope:
        return LogScope(info, self.levels or DEFAULT_LEVELS)


class LogScope:
    """Emits the closing event, with the stream's own bindings."""

    __slots__ = ("_info", "_levels")

    def __init__(self, info: StreamInfo, levels: Mapping[str, str | None]) -> None:
        self._info = info
        self._levels = levels

    def start(self) -> dict[str, Attribute]:
        return {}

    def close(self, report: StreamReport) -> None:
        level = self._levels[report.outcome]
        stream = current_stream()
        if level is not None and stream is not None:
            fields = {**self._info.attributes, **report.as_attributes()}
            structlog.emit(stream.logger, level, "stream_closed", fields, report.error)


def with_log(
    backends: tuple[Backend, ...], levels: Mapping[str, str | None]
) -> tuple[Backend, ...]:
    """`backends` with one log backend, last: its event then comes while the spans are open."""
    logs = [backend for backend in backends if isinstance(backend, LogBackend)]
    others = [backend for backend in backends if not isinstance(backend, LogBackend)]
    own = next((log for log in logs if log.levels is not None), LogBackend(levels=levels))
    return (*others, own)
