"""Spans in no vendor's terms, and a recorder that keeps them in memory."""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streaminstr import StreamInfo, StreamReport
    from streaminstr.types import Attribute


@dataclass(slots=True, kw_only=True)
class Span:
    """One span, as the demo shows it. Times are Unix times in nanoseconds."""

    name: str
    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    parent_id: str | None
    started_ns: int
    ended_ns: int = 0
    attributes: dict[str, Attribute] = field(default_factory=dict)


class Recorder(Protocol):
    """What the demo needs of a vendor: spans of the application, and all spans read back."""

    setting: Any
    """The value of `STREAMINSTR["BACKEND"]`."""
    options: Mapping[str, Any]
    """The value of `STREAMINSTR["OPTIONS"]`."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[Any]:
        """A span round a block, as an application writes it with this vendor."""

    def spans(self) -> list[Span]:
        """What has ended so far."""


class MemoryRecorder:
    """The recorder for all other backends; it is also a small, complete backend itself."""

    options: Mapping[str, Any] = {}

    def __init__(self, beside: str) -> None:
        self.setting = [self, beside]
        self._current: ContextVar[Span | None] = ContextVar("streaminstr.demo.span", default=None)
        self._spans: list[Span] = []

    def open(self, info: StreamInfo) -> MemoryScope:
        return MemoryScope(self, info, self._current.get())

    def begin(self, name: str, parent: Span | None) -> Span:
        """Start a span and make it current."""
        span = Span(
            name=name,
            trace_id=secrets.token_hex(16) if parent is None else parent.trace_id,
            span_id=secrets.token_hex(8),
            parent_id=None if parent is None else parent.span_id,
            started_ns=time.time_ns(),
        )
        self._current.set(span)
        return span

    def end(self, span: Span) -> None:
        """End a span and keep it."""
        span.ended_ns = time.time_ns()
        self._spans.append(span)

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[Span]:
        parent = self._current.get()
        span = self.begin(name, parent)
        span.attributes.update(attributes)
        try:
            yield span
        finally:
            self.end(span)
            self._current.set(parent)

    def spans(self) -> list[Span]:
        return list(self._spans)


class MemoryScope:
    """One span in memory for one stream."""

    def __init__(self, recorder: MemoryRecorder, info: StreamInfo, parent: Span | None) -> None:
        self._recorder = recorder
        self._info = info
        self._parent = parent
        self._span: Span

    def start(self) -> dict[str, str]:
        self._span = self._recorder.begin(self._info.name, self._parent)
        self._span.attributes.update(self._info.as_attributes())
        return {"trace_id": self._span.trace_id, "span_id": self._span.span_id}

    def close(self, report: StreamReport) -> None:
        self._span.attributes.update(report.as_attributes())
        self._recorder.end(self._span)
