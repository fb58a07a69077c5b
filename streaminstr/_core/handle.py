"""The handle: a body's view of its own stream."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr.types import Attribute, CancelledBy, StreamInfo, StreamReport

current: ContextVar[StreamHandle | None] = ContextVar("streaminstr.current_stream", default=None)
"""The handle of the stream whose step or clean-up is running in this Context."""


def plain_logger(_: object = None) -> Any:
    """The logger of a handle if none is configured."""
    return logging.getLogger("streaminstr")


class Failure(NamedTuple):
    """A failure that the body reported with `fail()`."""

    error: BaseException | None
    reason: str | None
    error_type: str | None


class StreamHandle:
    """A body's view of its own stream."""

    __slots__ = (
        *("_logger", "_make_logger", "attributes", "created", "cut_by"),
        *("facts", "failure", "fields", "info", "lag", "named", "origin"),
    )

    def __init__(
        self, info: StreamInfo, make_logger: Callable[[StreamHandle], Any] = plain_logger
    ) -> None:
        self.info = info
        self.named = False
        """Whether the application chose the name. If not, it comes from the body's function."""
        self.attributes: Mapping[str, Attribute] = NOTHING
        self.created = 0.0
        self.failure: Failure | None = None
        """The failure that the body reported. It applies however the stream ends."""
        self.facts: Mapping[str, Any] = NOTHING
        """Further fields of the report, set by the adapters."""
        self.fields: Mapping[str, Attribute] = NOTHING
        """Fields for the log lines of this stream, from its backends: the ids of its span."""
        self.origin: Any = None
        """Where its log lines come from (`log.origin`)."""
        self.lag: Any = None
        """How late the stream's event loop is, measured by the thread (`_process.lag.Lag`)."""
        self.cut_by: tuple[CancelledBy | None] | None = None
        """Who cut the stream, once it was cut. Streams made in its steps inherit the cause."""
        self._make_logger = make_logger
        self._logger: Any = None

    def __bool__(self) -> bool:
        return True

    def describe(self, name: str, attributes: Mapping[str, Attribute]) -> None:
        """Replace the name and attributes in place, because open scopes already hold the info.

        Opening the scopes again is not possible: a vendor may have forgotten the parent by now.
        """
        object.__setattr__(self.info, "name", name)
        object.__setattr__(self.info, "attributes", attributes)
        self._logger = None  # it carries the name

    @property
    def id(self) -> str:
        """16 random hex digits, the same on the span and all log events."""
        return self.info.stream_id

    def set_attribute(self, name: str, value: Attribute) -> None:
        """Put an attribute on the span and on the closing log event, both when the stream ends.

        An attribute that is set before the first step is on every log line of the stream, too.
        """
        self.attributes = {**self.attributes, name: value}

    @property
    def is_truncated(self) -> bool:
        """Whether the exhausted body ended without its end marker."""
        return False

    def said(self, longest: float, producer: float, consumer: float) -> dict[str, Any]:  # noqa: ARG002 - all in seconds
        """Fields of the report, from the body and the adapters; `longest` is the longest gap."""
        return {"longest_gap": longest, "attributes": self.attributes, **self.facts}

    def last_heard(self, last_chunk: float) -> float:
        """When the body last sent something that counts; by default, its last chunk."""
        return last_chunk

    def begun_by(self, reader: StreamHandle | None) -> None:
        """Record the stream in whose step this stream takes its first step."""

    def before(self, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Prepare the first step. Returns the function that takes it, instead of `advance`."""
        return advance

    def finish(self, final: StreamReport) -> StreamReport:
        """The final report, as the scopes receive it."""
        return final

    def ended(self, final: StreamReport) -> None:
        """Record the end of the stream."""

    @property
    def logger(self) -> Any:
        """An immutable logger with the request's bindings, the stream's name and the span's ids.

        A structlog bound logger where structlog is installed, else a `logging.LoggerAdapter`.
        """
        if self._logger is None:
            self._logger = self._make_logger(self)
        return self._logger
