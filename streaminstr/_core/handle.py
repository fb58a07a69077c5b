"""The handle: a body's view of its own stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from streaminstr.types import NOTHING, Attribute, CancelledBy, StreamInfo, StreamReport

current: ContextVar[StreamHandle | None] = ContextVar("streaminstr.current_stream", default=None)
"""The handle of the stream whose step or clean-up is running in this Context."""


class StreamHandle:
    """A body's view of its own stream."""

    __slots__ = (
        *("attributes", "created", "cut_by", "facts", "failure", "info", "origin", "progress"),
    )

    def __init__(self, info: StreamInfo) -> None:
        self.info = info
        self.attributes: Mapping[str, Attribute] = NOTHING
        self.created = 0.0
        self.failure: Mapping[str, Any] | None = None
        """The failure that the body reported, as fields of the report. It applies however the
        stream ends."""
        self.facts: Mapping[str, Any] = NOTHING
        """Further fields of the report, set by the adapters."""
        self.origin: Any = None
        """Where its log lines come from, and what they carry (`log.origin`)."""
        self.progress: Any = None
        """What the background thread knows of the stream (`_process.progress`). Its `lock` keeps
        the calls of that thread and the close of the scopes apart."""
        self.cut_by: tuple[CancelledBy | None] | None = None
        """Who cut the stream, once it was cut. Streams made in its steps inherit the cause."""

    @property
    def is_truncated(self) -> bool:
        """Whether the exhausted body ended without its end marker."""
        return False

    def report_fields(self, longest: float, producer: float, consumer: float) -> dict[str, Any]:  # noqa: ARG002 - all in seconds
        """Fields of the report, from the body and the adapters; `longest` is the longest gap."""
        return {"longest_gap": longest, "attributes": self.attributes, **self.facts}

    def before(
        self,
        advance: Callable[[Any], Any],
        reader: StreamHandle | None,  # noqa: ARG002 - the stream in whose step this one begins
    ) -> Callable[[Any], Any]:
        """Prepare the first step. Returns the function that takes it, instead of `advance`."""
        return advance

    def finish(self, final: StreamReport) -> StreamReport:
        """The final report, as the scopes receive it. Called if it has an exception."""
        return final

    def ended(self, final: StreamReport) -> None:
        """Record the end of the stream."""
