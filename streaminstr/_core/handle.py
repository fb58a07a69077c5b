"""What a body sees of its own stream."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr.types import Attribute, CancelledBy, StreamInfo, StreamReport

current: ContextVar[StreamHandle | None] = ContextVar("streaminstr.current_stream", default=None)
"""The handle of the stream whose step or clean-up is running here."""


class StreamHandle:
    """What a body sees of its own stream."""

    __slots__ = (
        *("attributes", "created", "cut_by", "facts", "failure", "info", "origin", "progress"),
    )

    def __init__(self, info: StreamInfo) -> None:
        self.info = info
        self.attributes: Mapping[str, Attribute] = NOTHING
        self.created = 0.0
        self.failure: Mapping[str, Any] | None = None
        """What the body said of its failure, as fields of the report, whatever ends the stream."""
        self.facts: Mapping[str, Any] = NOTHING
        """Further fields of the report, which the adapters know."""
        self.origin: Any = None
        """Where its log lines come from, and what they carry (`log.origin`)."""
        self.progress: Any = None
        """What the background thread knows of it, where it looks at it (`_process.progress`). Its
        `lock` keeps the calls of that thread and the close of the scopes apart."""
        self.cut_by: tuple[CancelledBy | None] | None = None
        """Set when the stream was cut: who did it. Streams that its body made end with it."""

    @property
    def is_truncated(self) -> bool:
        """Whether the body, which is exhausted, lacks its end marker."""
        return False

    def said(self, longest: float, producer: float, consumer: float) -> dict[str, Any]:  # noqa: ARG002 - all in seconds
        """Fields of the report, from the body and the adapters; `longest` is the longest gap."""
        return {"longest_gap": longest, "attributes": self.attributes, **self.facts}

    def before(
        self,
        advance: Callable[[Any], Any],
        reader: StreamHandle | None,  # noqa: ARG002 - in whose step the stream takes its first
    ) -> Callable[[Any], Any]:
        """Do what comes before the first step; returns how to take it, in place of `advance`."""
        return advance

    def finish(self, final: StreamReport) -> StreamReport:
        """The report as the scopes have it, of a stream that ends."""
        return final

    def ended(self, final: StreamReport) -> None:
        """Note the end of the stream."""
