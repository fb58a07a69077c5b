"""Every type that a backend or an annotation needs. Imports only the attribute names.

The contract between the core and a backend is frozen as of version 0.2: `Backend`, `StreamScope`,
the optional moments (`Supports...`), `StreamInfo` and `StreamReport`. New fields may be added at
the end, with a default.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, runtime_checkable

from streaminstr import attributes as names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

__all__ = [
    "AsyncStream",
    "Attribute",
    "Backend",
    "CancelledBy",
    "NotNow",
    "OpenStream",
    "Outcome",
    "Parent",
    "Stream",
    "StreamHandle",
    "StreamInfo",
    "StreamReport",
    "StreamScope",
    "StreaminstrError",
    "SupportsFlush",
    "SupportsProgress",
    "SupportsSegments",
    "SupportsTraceId",
    "Turn",
]

Attribute = str | bool | int | float
"""A value of a span attribute or a log field."""
CancelledBy = Literal["client", "server"]
"""Who cut a stream short, if known."""
Parent = Literal["child", "link"]
"""`child`: below the span that is current when the stream is created. `link`: its own trace."""
Turn = Literal["producer", "consumer", "upstream"]
"""Who keeps an open stream waiting: the body, the client and its server, or what the body reads."""

NOTHING: Mapping[str, Any] = MappingProxyType({})
ChunkT_co = TypeVar("ChunkT_co", covariant=True)


class StreaminstrError(Exception):
    """A configuration error. It says what is wrong, where, and what to write instead.

    Each argument is one mistake; the text has a line for each.
    """

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class NotNow(Exception):  # noqa: N818 - an answer, and no error
    """Raised by `segment` of a scope if its span is not current, because the body holds another.

    The scope has changed nothing, and `segment` is called again between later steps.
    """


class Outcome(enum.StrEnum):
    """How a stream ended."""

    COMPLETED = "completed"
    """The body was exhausted. Whether the client received all of it is not known."""
    FAILED = "failed"
    """An exception came out of a step, or the body reported a failure."""
    CANCELLED = "cancelled"
    """Ended from outside: the client left, the task was cancelled, the server shut down."""
    ABANDONED = "abandoned"
    """Started, dropped, and found by the garbage collector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """What is known of a stream when it is made. Passed to `Backend.open`.

    Read it in `start`, too: a stream that becomes a response's before its first step has its name
    and attributes completed.
    """

    name: str
    """Low-cardinality name, such as `orders.export` or `GET orders/<int:pk>/`."""
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: NOTHING)
    """Attributes to put on the span when it starts, under their semantic-convention names."""
    parent: Parent = "child"
    """`child`: below the span that is current when the stream is created. `link`: its own trace."""
    started_ns: int | None = None
    """Unix time in nanoseconds at which the span starts; None: the moment of `start()`."""
    stream_id: str = ""
    """16 random hex digits, the same on the span and all log events. Never a metric attribute."""
    span_template: str = "{name}"
    """What `span_name` is made of (option `SPAN_NAME`)."""

    @property
    def span_name(self) -> str:
        """What the stream's span is called. Metrics and log events have the `name`."""
        if self.span_template == "{name}":
            return self.name  # itself: a copy would be kept as long as the span
        return self.span_template.replace("{name}", self.name)

    def as_attributes(self) -> dict[str, Attribute]:
        """The attributes and the id, for a span and a log event. Metrics take `attributes`."""
        own = {names.STREAM_ID: self.stream_id} if self.stream_id else {}
        return {**own, **self.attributes}


@dataclass(frozen=True, kw_only=True)  # no slots: the core fills its `__dict__` at once
class StreamReport:
    """The numbers of one stream. Times are in seconds, sizes in bytes.

    A field is its attribute's name without the prefix `streaminstr.`, and None where it does not
    apply. In `progress` and `segment` the outcome has no meaning.
    """

    outcome: Outcome
    cancelled_by: CancelledBy | None = None
    """Only with `cancelled`, and only where the cause is known."""
    error: BaseException | None = None
    """The exception that came out of a step or that the body reported; only with `failed`, and not
    where the option `EXCEPTIONS` leaves it out."""
    is_error: bool = False
    """Whether the span's status is error: `failed`, and `cancelled` where so configured."""
    chunks: int = 0
    bytes: int | None = 0
    """Text counts as encoded, other objects count as chunks only. None: the server sent a file
    itself and its size is unknown."""
    time_to_first_chunk: float | None = None
    """From the making of the stream; None when there was no chunk."""
    request_time_to_first_chunk: float | None = None
    """From the start of the request, where the adapter knows it."""
    longest_gap: float = 0.0
    """The longest time from one chunk (of an event stream: event) to the next."""
    producer_time: float = 0.0
    """Spent inside steps: the body at work."""
    consumer_time: float = 0.0
    """Spent between steps: the server and the client."""
    stalled: Turn | None = None
    """Of an open stream only (`progress`): whose turn it is at this moment."""
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: NOTHING)
    """Attributes that the body set with `current_stream().set_attribute` and `add`."""
    error_type: str | None = None
    """Value of the semantic conventions' `error.type`: None unless `is_error`.

    What the body set under that name, else the type of the exception."""
    reason: str | None = None
    """The text with which the body reported its failure."""
    close_reason: str | None = None
    """The text with which an operator closed the stream."""
    events: int | None = None
    """Server-sent events; only of an event stream."""
    pings: int | None = None
    """Comment-only chunks of an event stream."""
    time_to_first_event: float | None = None
    """From the making of an event stream to its first event with data."""
    upstream_time: float | None = None
    """The part of `producer_time` that was spent in steps of streams that the body reads."""
    bottleneck: Turn | None = None
    """Who took over half of the duration, where anyone did."""
    buffered: bool | None = None
    """True: the framework reads the whole body before it sends the first byte."""
    db_connections: int | None = None
    """Database connections that the request holds while the body is stepped."""
    loop_lag: float | None = None
    """The largest lag of the event loop that was seen while the stream was open; only of a stream
    of an asyncio loop, and with the option `progress_interval`."""
    segment: int | None = None
    """Number of the segment, from 0; only of a segmented stream."""
    resumed: bool | None = None
    """True: the request had the header `Last-Event-ID`."""
    zero_copy: bool | None = None
    """True: the server sent the file itself, without a step of the body."""
    marks: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Seconds from the making of the stream to each `mark`, by its name."""
    rates: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Sums of `add(..., rate=True)` for each second of producer time, by name."""
    gaps: tuple[tuple[float, int], ...] = ()
    """Times from one event (of other streams: chunk) to the next, by bucket: the mean of those in
    it, and how many. No attribute, and only where a backend has `gap_bounds`: a tuple of seconds.
    """

    exception_type: str | None = None
    """The class of the exception, such as `shop.errors.OutOfStock`; also where `error` is left out.
    """
    exception_message: str | None = None
    """The text of the exception, where the option `EXCEPTIONS` is `message`."""

    def __post_init__(self) -> None:
        if self.error is not None and self.exception_type is None:
            object.__setattr__(self, "exception_type", _class_name(type(self.error)))
        if self.is_error and self.error_type is None:
            object.__setattr__(self, "error_type", _error_type(self))

    @property
    def duration(self) -> float:
        """From the first step to the end."""
        return self.producer_time + self.consumer_time

    def as_attributes(self) -> dict[str, Attribute]:
        """The report as attributes of a span and fields of a log event, in a dict of the caller's.

        They are collected once, by the first call.
        """
        attributes: dict[str, Attribute] | None = vars(self).get("_attributes")
        if attributes is None:
            attributes = vars(self)["_attributes"] = _attributes_of(self)
        return attributes.copy()


class StreamScope(Protocol):
    """What a backend does for one stream. The core calls it; it never calls back.

    `start` is called at most once. Exactly one `close` follows a `start` that returned; there is
    none without it. Two calls never overlap, and none comes after `close`.
    """

    def start(self) -> Mapping[str, Attribute]:
        """Start the span and make it current, in the stream's own Context, before the first step.

        Returns the fields that log lines of this stream carry: trace and span ids. What was made
        current needs no clean-up: the Context is dropped with the stream.
        """

    def close(self, report: StreamReport) -> None:
        """End the span. Called from any thread or task, also by the garbage collector.

        Runs in a copy of the stream's Context, so the span is still current.
        """


class Backend(Protocol):
    """A vendor: OpenTelemetry, ddtrace, plain logs, or one of your own."""

    def open(self, info: StreamInfo) -> StreamScope | None:
        """Remember the parent, when the stream is made. Start nothing that would need an end.

        None: this backend does not instrument this stream.
        """


@runtime_checkable
class SupportsProgress(Protocol):
    """A `StreamScope` that can show an open stream (option `progress_interval`)."""

    def progress(self, report: StreamReport) -> None:
        """Show the numbers so far. Called by the progress thread, never during `close`."""


@runtime_checkable
class SupportsSegments(Protocol):
    """A `StreamScope` that can end its span and start the next one (option `segment_interval`).

    Without it a stream is not segmented, and stays one stream for logs and metrics.
    """

    def segment(self, report: StreamReport) -> Mapping[str, Attribute]:
        """End this segment's span with its numbers, start the next span and make it current.

        Called between two steps, in the stream's Context. Returns the fields as `start` does.
        Where the body holds a span across these steps, raises `NotNow` and does nothing. The
        numbers are those of the segment; `close` has those of the whole stream.
        """


@runtime_checkable
class SupportsFlush(Protocol):
    """A `Backend` that buffers (`streaminstr.shutdown`)."""

    def flush(self, timeout: float) -> None:
        """Send what is buffered, in at most `timeout` seconds."""


@runtime_checkable
class SupportsTraceId(Protocol):
    """A `Backend` that knows the trace that is current where it is asked (option `RATIO`)."""

    def trace_id(self) -> int | None:
        """The current trace's id; None: there is no current trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream:
    """A snapshot of one open stream (`open_streams`).

    Never holds the value of a variable, a header, a cookie, the path of a URL or its query.
    """

    id: str
    """`StreamInfo.stream_id`."""
    name: str
    route: str | None = None
    """The pattern of the URL, such as `orders/<int:pk>/`."""
    method: str | None = None
    worker: str = ""
    """Host and process id, as `web-1:4711`."""
    age: float = 0.0
    """Seconds since the first step."""
    chunks: int = 0
    events: int | None = None
    """Server-sent events; only of an event stream."""
    bytes: int = 0
    rates: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Sums of `add(..., rate=True)` for each second of producer time so far, by name."""
    idle: float = 0.0
    """Seconds since the last chunk (of an event stream: the last event), or since the first step if
    there was none."""
    turn: Turn = "producer"
    """What the stream waits for. `upstream`: the body waits for a step of a stream that it reads.
    """
    limited: bool = False
    """Whether it is being ended because of `MAX_AGE` or `MAX_STALL`."""
    draining: bool = False
    """Whether its process drains."""
    trace_id: str | None = None
    span_id: str | None = None
    """The ids of its span, in the form that the backend uses on log lines."""
    waits: tuple[str, ...] = ()
    """Where the body waits: frames as `file:line function`, those of the application first, then
    those of libraries, each outermost first. Ends with ``...`` where the rest cannot be seen.
    """
    waits_at: str = ""
    """The innermost frame of the application in `waits`: the line to look at first. Empty where
    there is none."""


class StreamHandle(Protocol):
    """A body's view of its own stream, returned by `current_stream()`.

    Outside of a stream it is falsy and does nothing; its logger adds nothing to log lines.
    """

    @property
    def id(self) -> str:
        """`StreamInfo.stream_id`; empty outside of a stream."""

    @property
    def info(self) -> StreamInfo:
        """The name, attributes and id of the stream."""

    @property
    def logger(self) -> Logger:
        """A logger with the request's bindings, the stream's name and the span's ids."""

    def set_attribute(self, name: str, value: Attribute) -> None:
        """Put an attribute on the span and on the closing log event."""

    def fail(self, error_or_reason: BaseException | str, *, error_type: str | None = None) -> None:
        """Report that the stream has failed, even if its body continues or ends normally."""

    def mark(self, name: str) -> None:
        """Record when something happens, as `streaminstr.mark.NAME`. Only the first call counts."""

    def add(self, name: str, number: float, *, rate: bool = False) -> None:
        """Add a number to an attribute; with `rate`, also record it per second of producer time."""

    @property
    def stopping(self) -> bool:
        """Whether the process drains, so the body should finish. Works outside of a stream too."""

    async def stopped(self) -> None:
        """Wait until the process begins to drain. Works outside of a stream too."""

    def __bool__(self) -> bool: ...


class Logger(Protocol):
    """The methods that `structlog`'s bound loggers and `logging.LoggerAdapter` share."""

    def debug(self, event: str, /, *args: object, **fields: object) -> object: ...
    def info(self, event: str, /, *args: object, **fields: object) -> object: ...
    def warning(self, event: str, /, *args: object, **fields: object) -> object: ...
    def error(self, event: str, /, *args: object, **fields: object) -> object: ...
    def exception(self, event: str, /, *args: object, **fields: object) -> object: ...
    def bind(self, **fields: object) -> Logger:
        """Return a new logger that also carries `fields`."""


class Stream(Protocol[ChunkT_co]):
    """A sync body whose steps run in a Context of their own, returned by `streaminstr.stream`."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> ChunkT_co: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...

    def prime(self) -> Self:
        """Take the first chunk now; the first step returns it. Raises what the body raises."""

    def send(self, value: object, /) -> ChunkT_co:
        """Resume a generator body with `value`."""

    def throw(self, *error: object) -> ChunkT_co:
        """Raise an exception in a generator body, where it is suspended."""

    def close(self) -> None:
        """End the stream and run the body's own clean-up."""


class AsyncStream(Protocol[ChunkT_co]):
    """An async body whose steps run in a Context of their own, in the task that awaits them."""

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[ChunkT_co]: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc_info: object) -> None: ...

    async def aprime(self) -> Self:
        """Take the first chunk now; the first step returns it. Raises what the body raises."""

    def asend(self, value: object, /) -> Awaitable[ChunkT_co]:
        """Resume an async generator body with `value`."""

    def athrow(self, *error: object) -> Awaitable[ChunkT_co]:
        """Raise an exception in an async generator body, where it is suspended."""

    async def aclose(self) -> None:
        """End the stream and run the body's own clean-up, in the current task."""

    def close(self) -> None:
        """End the stream, from any thread. The clean-up is awaited on the body's own loop."""


def _attributes_of(report: StreamReport) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {**report.attributes}
    if report.stalled is None:
        attributes[names.OUTCOME] = report.outcome._value_  # `value` is a slow property
    else:  # a stream that is open has no outcome yet
        attributes[names.STALLED] = report.stalled
    attributes[names.CHUNKS] = report.chunks
    attributes[names.LONGEST_GAP] = report.longest_gap
    attributes[names.PRODUCER_TIME] = report.producer_time
    attributes[names.CONSUMER_TIME] = report.consumer_time
    # One by one, since a loop over all that may be None takes four times as long.
    if report.cancelled_by is not None:
        attributes[names.CANCELLED_BY] = report.cancelled_by
    if report.bytes is not None:
        attributes[names.BYTES] = report.bytes
    if report.time_to_first_chunk is not None:
        attributes[names.TIME_TO_FIRST_CHUNK] = report.time_to_first_chunk
    if report.request_time_to_first_chunk is not None:
        attributes[names.REQUEST_TIME_TO_FIRST_CHUNK] = report.request_time_to_first_chunk
    if report.error_type is not None:
        attributes[names.ERROR_TYPE] = report.error_type
    if (seldom := _get_seldom(report)) != _NOTHING_SELDOM:
        those = zip(_SELDOM.values(), seldom, strict=True)
        attributes.update({name: value for name, value in those if value is not None})
    for mark, seconds in report.marks.items():
        attributes[names.MARK + mark] = seconds
    for rate, number in report.rates.items():
        attributes[names.RATE + rate] = number
    return attributes


def _error_type(report: StreamReport) -> str:
    """The body's own value, else the class of the exception, else a placeholder."""
    own = report.attributes.get(names.ERROR_TYPE)
    if isinstance(own, str):
        return own
    if report.exception_type is None:
        return report.outcome.value if report.outcome is Outcome.CANCELLED else "_OTHER"
    return report.exception_type


def _class_name(kind: type) -> str:
    """`ValueError` or `shop.errors.OutOfStock`, in the form that OpenTelemetry's SDK uses."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


_SELDOM: dict[str, str] = {
    name.lower(): getattr(names, name)
    for name in (
        *("REASON", "CLOSE_REASON", "EVENTS", "PINGS", "TIME_TO_FIRST_EVENT", "UPSTREAM_TIME"),
        *("BOTTLENECK", "BUFFERED", "DB_CONNECTIONS", "LOOP_LAG", "SEGMENT", "RESUMED"),
        "ZERO_COPY",
    )
}
"""Fields of a report that are None for most streams, and their attributes."""
_get_seldom = attrgetter(*_SELDOM)
_NOTHING_SELDOM = (None,) * len(_SELDOM)
