"""Builds the report of a stream from the measurements of its steps and the way it ended."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter as clock
from typing import Any, NamedTuple, Protocol
from weakref import ref

from streaminstr._core.config import Config
from streaminstr._core.handle import StreamHandle
from streaminstr._core.meter import Meter
from streaminstr._core.outcome import Cut, Ending, decide, ending_of
from streaminstr.types import NOTHING, CancelledBy, Outcome, StreamReport


class Closing(NamedTuple):
    """A request from outside to end the stream: how, and by whom."""

    ending: Ending
    cancelled_by: CancelledBy | None
    turn: list[None]
    """Holds the turn if it is kept for the next step or close, which then ends the stream."""


class Request(Protocol):
    """The HTTP request during which the stream was created (`_exchange.Exchange`)."""

    started: float

    def cause_of(self, stream: ref[Any] | None, *, is_dropped: bool) -> CancelledBy | None: ...


class Reporting:
    """The facts about a stream, and the reports built from them."""

    __slots__ = ("closing", "config", "exchange", "handle", "maker", "requested", "stream")

    config: Config
    handle: StreamHandle
    exchange: Request | None
    maker: StreamHandle | None
    """The handle of the stream in whose step this one was created."""
    requested: float | None
    """When the request began, by `clock`."""
    closing: Closing | None
    stream: ref[Any] | None

    def held(self) -> Any:
        """The stream; None after it was freed."""
        return self.stream and self.stream()

    def final(self, meter: Meter, error: BaseException | None) -> StreamReport:
        """The final numbers, of a stream that ends now with `error`."""
        ending, cut = ending_of(error), Cut.NOTHING
        if ending is Ending.INTERRUPTED and self.closing is not None:
            ending, cut = self.closing.ending, meter.last_cut()
            if ending is Ending.DROPPED and cut is Cut.NOTHING and self._outer_causes():
                cut = Cut.OUTLIVED
            error = meter.cut_error()
        facts: Mapping[str, Any] = {"error": error}
        if self.handle.failure is not None:
            cut, facts = Cut.REPORTED, self.handle.failure
        elif ending is Ending.EXHAUSTED and self.handle.is_truncated:
            cut, facts = Cut.TRUNCATED, {"error_type": "truncated"}
        outcome, cancelled_by = decide(ending, cut, self._causes)
        is_error = outcome is Outcome.FAILED
        if not is_error:
            facts = {}
            is_error = outcome is Outcome.CANCELLED and self.config.cancelled_is_error
        facts = {"outcome": outcome, "cancelled_by": cancelled_by, "is_error": is_error, **facts}
        final = make_report(meter, self.handle, self.requested, facts)
        return final if final.error is None else self.handle.finish(final)

    def _causes(self) -> list[CancelledBy | None]:
        """Who cut the stream: who requested its end, then who cut what created it."""
        own = [] if self.closing is None else [self.closing.cancelled_by]
        return own + self._outer_causes()

    def _outer_causes(self) -> list[CancelledBy | None]:
        """Who cut what created this stream, the most certain cause first; empty if it was not."""
        # No generator: CPython 3.11 loses an interrupt that arrives as a generator starts.
        causes: list[CancelledBy | None] = []
        if self.maker is not None and self.maker.cut_by is not None:
            causes += self.maker.cut_by
        if self.exchange is not None:
            is_dropped = self.closing is not None and self.closing.ending is Ending.DROPPED
            cause = self.exchange.cause_of(self.stream, is_dropped=is_dropped)
            causes += [] if cause is None else [cause]
        return causes


def make_report(
    meter: Meter, handle: StreamHandle, requested: float | None, facts: Mapping[str, Any]
) -> StreamReport:
    """A report of the numbers of `meter` as of now, the handle's fields and `facts`."""
    now = clock()
    producer = meter.producer + (now - meter.entered if meter.in_step else 0.0)
    consumer = max(now - meter.begun - producer, 0.0) if meter.begun else 0.0
    fields = handle.report_fields(meter.longest, producer, consumer)
    fields["chunks"], fields["bytes"] = meter.chunks, meter.size
    fields["producer_time"], fields["consumer_time"] = producer, consumer
    if meter.chunks:
        fields["time_to_first_chunk"] = meter.first - handle.created
        if requested is not None:
            fields["request_time_to_first_chunk"] = meter.first - requested
    # As `StreamReport(**fields)`, whose `__init__` calls `__setattr__` for each of its fields.
    report = StreamReport.__new__(StreamReport)
    for part in (_EMPTY, fields, facts):
        vars(report).update(part)
    report.__post_init__()
    return report


_EMPTY: Mapping[str, Any] = dict.fromkeys(("attributes", "marks", "rates"), NOTHING)
"""Fields whose default is made by a function. All other defaults are found at the class."""
