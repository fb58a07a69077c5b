"""A backend that keeps what it receives, for tests to look at."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from streaminstr.types import NotNow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streaminstr.types import Attribute, Outcome, StreamInfo, StreamReport


class RecordingBackend:
    """Records all streams, in the order of their creation, with their parents.

    The ids count up in the order of creation, so a test can write them literally.
    """

    def __init__(self) -> None:
        self.streams: list[RecordedStream] = []
        self.flushes: list[float] = []
        """The timeout of each flush, in seconds."""
        self._numbers = count(1)
        # One for each backend, so that two in one test do not take each other's streams for
        # parents. It is set only in the private Contexts of streams, and goes with them.
        self._current: ContextVar[RecordedStream | None] = ContextVar("recorded", default=None)

    @property
    def current(self) -> RecordedStream | None:
        """The stream whose step or clean-up is running."""
        return self._current.get()

    @property
    def started(self) -> list[RecordedStream]:
        """The streams that were stepped, whether they have ended or not."""
        return [stream for stream in self.streams if stream.was_started]

    @property
    def still_open(self) -> list[RecordedStream]:
        """The streams that were started and have not been closed."""
        return [stream for stream in self.streams if stream.is_open]

    @property
    def closed(self) -> list[RecordedStream]:
        """The streams that have ended."""
        return [stream for stream in self.streams if stream.is_closed]

    def clear(self) -> None:
        """Forget what was recorded."""
        self.streams.clear()
        self.flushes.clear()

    def open(self, info: StreamInfo) -> RecordedStream:
        made_in = self.current
        linked = info.parent == "link"
        number = next(self._numbers)
        stream = RecordedStream(
            info=info,
            parent=None if linked else made_in,
            link=made_in if linked else None,
            trace_id=f"{number:032x}" if linked or made_in is None else made_in.trace_id,
            span_id=f"{number:016x}",
            current=self._current,
            numbers=self._numbers,
        )
        self.streams.append(stream)
        return stream

    def flush(self, timeout: float) -> None:
        self.flushes.append(timeout)


@dataclass(eq=False, kw_only=True)
class RecordedStream:
    """Everything recorded about one stream. It is also the stream's scope."""

    info: StreamInfo
    parent: RecordedStream | None = field(repr=False)
    """The stream in whose step this one was created."""
    link: RecordedStream | None = field(repr=False)
    """The same, if the stream began a trace of its own (option `parent="link"`)."""
    trace_id: str
    span_id: str
    current: ContextVar[RecordedStream | None] = field(repr=False)
    numbers: Iterator[int] = field(repr=False)
    events: list[str] = field(default_factory=lambda: ["open"])
    """`open`, `start`, `progress`, `segment`, `close`, in the order of the calls."""
    fields: Mapping[str, Attribute] = field(default_factory=dict)
    """What `start`, or the last `segment`, returned: the fields of the stream's log lines."""
    progress_reports: list[StreamReport] = field(default_factory=list, repr=False)
    segment_reports: list[StreamReport] = field(default_factory=list, repr=False)
    """The numbers of each segment except the last, which are in `report`."""
    segment_ids: list[str] = field(default_factory=list, repr=False)
    """The ids of the spans of these segments; `span_id` is that of the last."""
    report: StreamReport | None = None
    """The numbers of the stream: None before its end."""

    @property
    def name(self) -> str:
        """The name of the stream."""
        return self.info.name

    @property
    def outcome(self) -> Outcome | None:
        """How the stream ended: None before its end."""
        return None if self.report is None else self.report.outcome

    @property
    def was_started(self) -> bool:
        """Whether the stream was ever stepped."""
        return "start" in self.events

    @property
    def is_closed(self) -> bool:
        """Whether the stream has ended."""
        return "close" in self.events

    @property
    def is_open(self) -> bool:
        """Whether the stream was started and has not ended."""
        return self.was_started and not self.is_closed

    def start(self) -> Mapping[str, Attribute]:
        self.events.append("start")
        self.current.set(self)
        self.fields = {"trace_id": self.trace_id, "span_id": self.span_id}
        return self.fields

    def progress(self, report: StreamReport) -> None:
        self.events.append("progress")
        self.progress_reports.append(report)

    def segment(self, report: StreamReport) -> Mapping[str, Attribute]:
        span: object = self.current.get()
        if span is not self:
            raise NotNow
        self.events.append("segment")
        self.segment_reports.append(report)
        self.segment_ids.append(self.span_id)
        self.span_id = f"{next(self.numbers):016x}"
        self.fields = {"trace_id": self.trace_id, "span_id": self.span_id}
        return self.fields

    def close(self, report: StreamReport) -> None:
        self.events.append("close")
        self.report = report
