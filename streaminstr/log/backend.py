"""The embedded backend: the events `stream_opened` and `stream_closed` of each stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names
from streaminstr._core.handle import current
from streaminstr._fields import fields_of
from streaminstr.log.logger import StreamLogger, stream_logger
from streaminstr.log.origin import plain_names
from streaminstr.types import Outcome, StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._core.handle import StreamHandle
    from streaminstr.types import Attribute, Backend, StreamInfo, StreamReport

LEVELS: Mapping[str, int] = {
    name: getattr(logging, name.upper())
    for name in ("debug", "info", "warning", "error", "critical")
}
OPENED = "opened"
"""Key of the level of `stream_opened`, beside the outcomes."""
DEFAULT_LEVELS: Mapping[str, str | None] = {
    OPENED: None,
    Outcome.COMPLETED: "info",
    Outcome.FAILED: "error",
    Outcome.CANCELLED: "info",
    Outcome.ABANDONED: "warning",
}
"""Level of `stream_opened`, and of `stream_closed` by outcome; None: no event."""


class LogBackend:
    """One event `stream_closed` for each stream, at a level by outcome; `stream_opened` if wanted.

    `levels` is a dict of outcomes, and `opened`, to levels; what is not in it has its default
    level. Raises StreaminstrError for unknown outcomes and levels.
    """

    def __init__(self, *, levels: Mapping[str, str | None] | None = None) -> None:
        if levels is not None and not is_levels(levels):
            msg = (
                f"The levels are {levels!r:.80}. Write a dict of outcomes and `opened` "
                f"({', '.join(DEFAULT_LEVELS)}) to levels ({', '.join(LEVELS)}) or None."
            )
            raise StreaminstrError(msg)
        self.levels = levels
        self._by_outcome = {**DEFAULT_LEVELS, **(levels or {})}

    def open(self, info: StreamInfo) -> LogScope:  # noqa: ARG002 - the handle has it
        return LogScope(self._by_outcome)

    @property
    def level(self) -> int | None:
        """The lowest level of its `stream_closed`; None where it emits none."""
        levels = (level for outcome, level in self._by_outcome.items() if outcome != OPENED)
        return min((LEVELS[level] for level in levels if level is not None), default=None)

    @property
    def announces(self) -> bool:
        """Whether `stream_opened` has a level."""
        return self._by_outcome[OPENED] is not None

    def announce(self, stream: StreamHandle) -> None:
        """Emit `stream_opened`, where the stream is current and its ids are known."""
        level = self._by_outcome[OPENED]
        if level is not None:
            resumed = {names.RESUMED: True} if stream.facts.get("resumed") else {}
            fields = plain_names({**stream.info.as_attributes(), **resumed})
            # A logger of its own: the stream's keeps what is bound where it is first used.
            _emit(stream_logger(stream), level, "stream_opened", fields)


class LogScope:
    """Emits the closing event, with the stream's own bindings."""

    __slots__ = ("_levels",)

    def __init__(self, levels: Mapping[str, str | None]) -> None:
        self._levels = levels

    def start(self) -> dict[str, Attribute]:
        return {}

    def close(self, report: StreamReport) -> None:
        level = self._levels[report.outcome]
        stream: Any = current.get()
        if level is not None and stream is not None:
            # No traceback: the caller of the body logs it, and its text may come from a client.
            fields = plain_names(fields_of(stream.info, report))
            _emit(stream.logger, level, "stream_closed", fields)


def is_levels(value: Any) -> bool:
    """Whether `value` is a dict of outcomes, and `opened`, to levels."""
    return isinstance(value, dict) and all(
        outcome in DEFAULT_LEVELS
        and (level is None or (isinstance(level, str) and level in LEVELS))
        for outcome, level in value.items()
    )


def with_log(
    backends: tuple[Backend, ...], levels: Mapping[str, str | None]
) -> tuple[Backend, ...]:
    """`backends` with one log backend, last: its event then comes while the spans are open.

    Beside another backend it is left out where no event has a level.
    """
    logs = [backend for backend in backends if isinstance(backend, LogBackend)]
    others = [backend for backend in backends if not isinstance(backend, LogBackend)]
    if others and not logs and not any(levels.values()):
        return backends
    own = next((log for log in logs if log.levels is not None), LogBackend(levels=levels))
    return (*others, own)


def _emit(logger: Any, level: str, event: str, fields: Mapping[str, Any]) -> None:
    if isinstance(logger, StreamLogger):
        logger.log(LEVELS[level], event, extra=fields)
    else:
        logger = getattr(logger, "sync_bl", logger)  # of structlog's AsyncBoundLogger
        getattr(logger, level)(event, **fields)
