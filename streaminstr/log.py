"""Structured log events: the embedded backend, and what teams without structlog use."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from streaminstr import structlog
from streaminstr._guard import guarded
from streaminstr._life import current_stream
from streaminstr._origin import here, origin_of, plain_names
from streaminstr._scope import Outcome, StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._life import StreamHandle
    from streaminstr._origin import Origin
    from streaminstr._scope import Attribute, Backend, StreamInfo, StreamReport


LEVELS: Mapping[str, int] = {
    name: getattr(logging, name.upper())
    for name in ("debug", "info", "warning", "error", "critical")
}
DEFAULT_LEVELS: Mapping[str, str | None] = {
    Outcome.COMPLETED: "info",
    Outcome.FAILED: "error",
    Outcome.CANCELLED: "info",
    Outcome.ABANDONED: "warning",
}
"""Level of `stream_closed` by outcome; None: no event."""
_NOTHING = (None, "", "0")


class LogBackend:
    """One event `stream_closed` for each stream, at a level by outcome.

    `levels` is a dict of outcome to level; for an outcome that is not in it the default holds.
    Raises StreaminstrError for what is neither.
    """

    def __init__(self, *, levels: Mapping[str, str | None] | None = None) -> None:
        if levels is not None and not is_levels(levels):
            msg = (
                f"The levels are {levels!r:.80}. Write a dict of outcomes "
                f"({', '.join(DEFAULT_LEVELS)}) to levels ({', '.join(LEVELS)}) or None."
            )
            raise StreaminstrError(msg)
        self.levels = levels
        self._by_outcome = {**DEFAULT_LEVELS, **(levels or {})}

    def open(self, info: StreamInfo) -> LogScope:
        return LogScope(info, self._by_outcome)


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
            # No traceback: whoever called the body logs that, and its text may be a client's.
            fields = plain_names({**self._info.attributes, **report.as_attributes()})
            _emit(stream.logger, level, "stream_closed", fields)


def is_levels(value: Any) -> bool:
    """Whether `value` is a dict of outcomes to levels."""
    return isinstance(value, dict) and all(
        outcome in DEFAULT_LEVELS
        and (level is None or (isinstance(level, str) and level in LEVELS))
        for outcome, level in value.items()
    )


def with_log(
    backends: tuple[Backend, ...], levels: Mapping[str, str | None]
) -> tuple[Backend, ...]:
    """`backends` with one log backend, last: its event then comes while the spans are open.

    Where no outcome has a level there is nothing for it to do, beside another backend.
    """
    logs = [backend for backend in backends if isinstance(backend, LogBackend)]
    others = [backend for backend in backends if not isinstance(backend, LogBackend)]
    if others and not logs and not any(levels.values()):
        return backends
    own = next((log for log in logs if log.levels is not None), LogBackend(levels=levels))
    return (*others, own)


class StreamFilter(logging.Filter):
    """Puts the stream's name (`stream`) and the ids of its span on records emitted in a step.

    For standard logging, on a handler. A record keeps the ids that a vendor's own log injection
    has put there; "0" is its word for none. Records from outside of a stream stay as they are,
    so give the formatter its `defaults`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        line = here.get()
        if line is not None:
            known = vars(record)
            for name, value in (("stream", line.name), *line.fields.items()):
                if known.get(name) in _NOTHING:
                    known[name] = one_line(value)
        return True


def stream_logger(handle: StreamHandle) -> Any:
    """The logger of a stream: structlog's where that is installed, else a `StreamLogger`."""
    name, origin = handle.info.name, origin_of(handle)
    if structlog.installed() is not None:
        return structlog.bound_logger(name, origin)
    return StreamLogger(logging.getLogger("streaminstr"), {"stream": name}, origin)


class StreamLogger(logging.LoggerAdapter[logging.Logger]):
    """A standard logger with the fields of a stream: in the text and as attributes of the record.

    They stay on one line, whatever a client has put into them.
    """

    def __init__(self, logger: logging.Logger, extra: Mapping[str, Any], origin: Origin) -> None:
        super().__init__(logger, dict(extra))
        self._origin = origin

    def bind(self, /, **fields: Any) -> StreamLogger:
        """Another logger, which carries `fields` too."""
        return StreamLogger(self.logger, {**(self.extra or {}), **fields}, self._origin)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """As `logging.Logger.log`; `extra` adds fields."""
        if self.isEnabledFor(level):
            line = self._origin.line
            known = {} if line is None else line.fields
            fields = {**known, **(self.extra or {}), **(kwargs.pop("extra", None) or {})}
            self._origin.run(self._handle, level, msg, args, plain_names(fields), **kwargs)

    def _handle(
        self,
        level: int,
        msg: object,
        args: tuple[Any, ...],
        fields: Mapping[str, Any],
        *,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
    ) -> None:
        # Not by `extra=`: that raises where a record factory has set an attribute of that name.
        shown = as_text(fields)
        where = self.logger.findCaller(stack_info, stacklevel + 2)
        record = self.logger.makeRecord(
            self.logger.name,
            level,
            *where[:2],
            f"{msg} {shown.replace('%', '%%') if args else shown}",
            args,
            _exc_info(exc_info),
            where[2],
            None,
            where[3],
        )
        vars(record).update({name: one_line(value) for name, value in fields.items()})
        self.logger.handle(record)


def _exc_info(given: Any) -> Any:
    """As `logging` reads its argument: an exception, a tuple, or whether to take the current."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    return given if isinstance(given, tuple) or not given else sys.exc_info()


def as_text(fields: Mapping[str, Any]) -> str:
    """`name=value` for each, on one line: what cannot be printed is escaped."""
    return " ".join(
        f"{one_line(name)}={one_line(guarded(repr, value, default='?'))}"
        for name, value in fields.items()
    )


def one_line(value: Any) -> Any:
    """`value`; of text, what would break or colour a line is escaped."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return repr(str(value))[1:-1]


def _emit(logger: Any, level: str, event: str, fields: Mapping[str, Any]) -> None:
    if isinstance(logger, StreamLogger):
        logger.log(LEVELS[level], event, extra=fields)
    else:
        logger = getattr(logger, "sync_bl", logger)  # of structlog's AsyncBoundLogger
        getattr(logger, level)(event, **fields)
