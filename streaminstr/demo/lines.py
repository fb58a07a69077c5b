"""The demo's log: one handler that keeps each line with the ids it carries."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from streaminstr._core.handle import current
from streaminstr.demo.site import request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger("streaminstr")
_FIELDS = re.compile(r" \S+=.*")
"""What standard logging, which has no fields of its own, shows after the event."""


_SHOWN = 8
"""Characters of a trace id, so that a line fits a terminal."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    at_ns: int
    """Unix time in nanoseconds."""
    event: str
    request_id: str
    trace_id: str

    def __str__(self) -> str:
        shown = self.trace_id if len(self.trace_id) <= _SHOWN else f"{self.trace_id[:_SHOWN]}..."
        return f"{self.event}  request_id={self.request_id} trace_id={shown}"


class LineHandler(logging.Handler):
    """Hands each line on, where it is logged, with what is bound there."""

    def __init__(self, take: Callable[[Line], object]) -> None:
        super().__init__()
        self._take = take

    def emit(self, record: logging.LogRecord) -> None:
        stream: Any = current.get()
        ids = {} if stream is None else stream.fields
        trace_id = ids.get("trace_id") or ids.get("dd.trace_id") or "-"
        event = _FIELDS.sub("", record.getMessage())
        self._take(Line(int(record.created * 1e9), event, request_id.get(), str(trace_id)))


@contextmanager
def lines_go_to(take: Callable[[Line], object]) -> Iterator[None]:
    """Hand each line of the library's logger to `take`, and to no other handler."""
    handler = LineHandler(take)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if find_spec("structlog") is not None:
        _send_structlog_to_logging()
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


def _send_structlog_to_logging() -> None:
    import structlog  # noqa: PLC0415 - an extra

    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
