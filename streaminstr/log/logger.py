"""A stream's logger: structlog's where that is installed, else a `StreamLogger`."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import guarded
from streaminstr.log import structured
from streaminstr.log.bound import bound_logger
from streaminstr.log.origin import NOWHERE, origin_of, plain_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._core.handle import StreamHandle
    from streaminstr.log.origin import Origin


def stream_logger(handle: StreamHandle) -> Any:
    """The logger of a stream: structlog's where that is installed, else a `StreamLogger`."""
    name, origin = handle.info.name, handle.origin or origin_of(handle)
    if structured.installed() is not None:
        return bound_logger(name, origin)
    return StreamLogger(logging.getLogger("streaminstr"), {"stream": name}, origin)


class StreamLogger(logging.LoggerAdapter[logging.Logger]):
    """A standard logger with the fields of a stream: in the text and as attributes of the record.

    They stay on one line, even if a client has put line breaks into them.
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
            fields = {
                **self._origin.fields,
                **(self.extra or {}),
                **(kwargs.pop("extra", None) or {}),
            }
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
        # `extra=` would raise where a record factory has set an attribute of that name.
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
    """`name=value` for each field, on one line, with unprintable characters escaped."""
    return " ".join(
        f"{one_line(name)}={one_line(guarded(repr, value, default='?'))}"
        for name, value in fields.items()
    )


def one_line(value: Any) -> Any:
    """`value`; text is escaped where it would break or colour a line."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return repr(str(value))[1:-1]


def plain_logger() -> Any:
    """The logger outside of a stream."""
    structlog = structured.installed()
    if structlog is not None:
        return structlog.get_logger("streaminstr")
    return StreamLogger(logging.getLogger("streaminstr"), {}, NOWHERE)
