"""The words of the library: what a backend is given, and what it must give back."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

Attribute = str | bool | int | float
NOTHING: Mapping[str, Attribute] = MappingProxyType({})
CancelledBy = Literal["client", "server"]
Parent = Literal["child", "link"]


class StreaminstrError(Exception):
    """A configuration that cannot work: says what is wrong, where, and what to write instead."""


class Outcome(enum.StrEnum):
    """How a stream ended."""

    COMPLETED = "completed"
    """The body was exhausted. Whether the client got it all is not known to anybody here."""
    FAILED = "failed"
    """An exception came out of a step."""
    CANCELLED = "cancelled"
    """Ended from outside: the client left, the task was cancelled, the server shut down."""
    ABANDONED = "abandoned"
    """Started, dropped, and found by the garbage collector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """What is known of a stream where it is made. `Backend.open` is given it."""

    name: str
    """Low-cardinality name, such as `orders.export` or `GET orders/<int:pk>/`."""
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: NOTHING)
    """Attributes to put on the span when it starts, under their semantic-convention names."""
    parent: Parent = "child"
    """`child` of the span that is current where the stream is made; `link`: a trace of its own."""
    started_ns: int | None = None
    """Unix time in nanoseconds to which the start is dated back; None: the moment of `start()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """The numbers of one stream. Times are in seconds, sizes in bytes."""

    outcome: Outcome
    cancelled_by: CancelledBy | None = None
    """Only with `cancelled`, and only where the cause is known."""
    error: BaseException | None = None
    """The exception that came out of a step; only with `failed`."""
    is_error: bool = False
    """Whether the span's status is to be error: `failed`, and `cancelled` where so configured."""
    chunks: int = 0
    bytes: int = 0
    """Text counts as encoded; a chunk that is neither bytes nor text counts as a chunk only."""
    time_to_first_chunk: float | None = None
    """From the making of the stream; None when there was no chunk."""
    request_time_to_first_chunk: float | None = None
    """From the start of the request, where the adapter knows it."""
    longest_gap: float = 0.0
    """The longest time from one chunk to the next."""
    producer_time: float = 0.0
    """Spent inside steps: the body at work."""
    consumer_time: float = 0.0
    """Spent between steps: the server and the client."""
    stalled: Literal["producer", "consumer"] | None = None
    """Of an open stream only (`progress`): whose turn it is at this moment."""
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: NOTHING)
    """What the body itself set with `current_stream().set_attribute`."""

    @property
    def duration(self) -> float:
        """From the first step to the end."""
        return self.producer_time + self.consumer_time

    @property
    def error_type(self) -> str | None:
        """Value of the semantic conventions' `error.type`: None unless `is_error`."""
        if not self.is_error:
            return None
        return self.outcome.value if self.error is None else _qualified_name(type(self.error))

    def as_attributes(self) -> dict[str, Attribute]:
        """The report as attributes of a span and fields of the closing log event."""
        known: dict[str, Attribute | None] = {
            **self.attributes,
            # An open stream has no outcome yet.
            "streaminstr.outcome": self.outcome.value if self.stalled is None else None,
            "streaminstr.cancelled_by": self.cancelled_by,
            "streaminstr.chunks": self.chunks,
            "streaminstr.bytes": self.bytes,
            "streaminstr.time_to_first_chunk": self.time_to_first_chunk,
            "streaminstr.request_time_to_first_chunk": self.request_time_to_first_chunk,
            "streaminstr.longest_gap": self.longest_gap,
            "streaminstr.producer_time": self.producer_time,
            "streaminstr.consumer_time": self.consumer_time,
            "streaminstr.stalled": self.stalled,
            "error.type": self.error_type,
        }
        return {name: value for name, value in known.items() if value is not None}


class StreamScope(Protocol):
    """What a backend does for one stream. The core calls it; it never calls back.

    `start` is called at most once. Exactly one `close` follows a `start`; there is none without
    it. Nothing is called after `close`, and nothing while another call is running.
    """

    def start(self) -> Mapping[str, Attribute]:
        """Start the span and make it current, in the stream's own Context, before the first step.

        Returns the fields that log lines of this stream are to carry: trace and span ids.
        No clean-up of what was made current is needed: the Context goes with the stream.
        """

    def close(self, report: StreamReport) -> None:
        """End the span. Comes from any thread or task, also from the garbage collector.

        Runs in a copy of the stream's Context, so that the span is still current.
        """


class Backend(Protocol):
    """A vendor: OpenTelemetry, ddtrace, plain logs, or one of your own."""

    def open(self, info: StreamInfo) -> StreamScope:
        """Remember the parent, where the stream is made. Start nothing that would need an end."""


@runtime_checkable
class SupportsProgress(Protocol):
    """A `StreamScope` that shows a stream while it is open (option `progress_interval`)."""

    def progress(self, report: StreamReport) -> None:
        """Show the numbers so far. Comes from the progress thread, never beside `close`."""


@runtime_checkable
class SupportsFlush(Protocol):
    """A `Backend` that buffers (`streaminstr.shutdown`)."""

    def flush(self, timeout: float) -> None:
        """Send what is buffered, in at most `timeout` seconds."""


def _qualified_name(kind: type[BaseException]) -> str:
    """`ValueError`, `shop.errors.OutOfStock`: the form that OpenTelemetry's SDK uses too."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
