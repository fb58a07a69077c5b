"""What a body sees of its own stream."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr.types import Attribute, CancelledBy, StreamInfo, StreamReport

current: ContextVar[StreamHandle | None] = ContextVar("streaminstr.current_stream", default=None)
"""The handle of the stream whose step or clean-up is running here."""


def plain_logger(_: object = None) -> Any:
    """The logger of a handle where none is configured."""
    return logging.getLogger("streaminstr")


class Failure(NamedTuple):
    """What a body said of its failure."""

    error: BaseException | None
    reason: str | None
    error_type: str | None


class StreamHandle:
    """What a body sees of its own stream."""

    __slots__ = (
        *("_logger", "_make_logger", "attributes", "created", "cut_by"),
        *("facts", "failure", "fields", "info", "lag", "named", "origin"),
    )

    def __init__(
        self, info: StreamInfo, make_logger: Callable[[StreamHandle], Any] = plain_logger
    ) -> None:
        self.info = info
        self.named = False
        """Whether the application named it; else its name is that of what made the body."""
        self.attributes: Mapping[str, Attribute] = NOTHING
        self.created = 0.0
        self.failure: Failure | None = None
        """What the body said of its failure, whatever ends the stream."""
        self.facts: Mapping[str, Any] = NOTHING
        """Further fields of the report, which the adapters know."""
        self.fields: Mapping[str, Attribute] = NOTHING
        """What log lines of this stream carry: the ids of its span, from its backends."""
        self.origin: Any = None
        """Where its log lines come from (`log.origin`)."""
        self.lag: Any = None
        """What the progress thread knows of the stream's event loop (`_process.lag.Lag`)."""
        self.cut_by: tuple[CancelledBy | None] | None = None
        """Set when the stream was cut: who did it. Streams that its body made end with it."""
        self._make_logger = make_logger
        self._logger: Any = None

    def __bool__(self) -> bool:
        return True

    def describe(self, name: str, attributes: Mapping[str, Attribute]) -> None:
        """Replace the name and attributes, for all that hold the info already: open scopes.

        Opening the scopes again would not do: a vendor may have forgotten the parent by now.
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
        """Whether the body, which is exhausted, lacks its end marker."""
        return False

    def said(self, longest: float, producer: float, consumer: float) -> dict[str, Any]:  # noqa: ARG002 - all in seconds
        """Fields of the report, from the body and the adapters; `longest` is the longest gap."""
        return {"longest_gap": longest, "attributes": self.attributes, **self.facts}

    def last_heard(self, last_chunk: float) -> float:
        """When the body was last heard of, whose last chunk came then."""
        return last_chunk

    def begun_by(self, reader: StreamHandle | None) -> None:
        """Note in whose step the stream takes its first step."""

    def before(self, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Do what comes before the first step; returns how to take it, in place of `advance`."""
        return advance

    def finish(self, final: StreamReport) -> StreamReport:
        """The report as the scopes have it, of a stream that ends."""
        return final

    def ended(self, final: StreamReport) -> None:
        """Note the end of the stream."""

    @property
    def logger(self) -> Any:
        """An immutable logger with the request's bindings, the stream's name and the span's ids.

        A structlog bound logger where structlog is installed, else a `logging.LoggerAdapter`.
        """
        if self._logger is None:
            self._logger = self._make_logger(self)
        return self._logger
