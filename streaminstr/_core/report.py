"""Builds the report of a stream from the measurements of its steps and the way it ended."""

from __future__ import annotations

from time import perf_counter as clock
from typing import Any, NamedTuple, Protocol
from weakref import ref

from streaminstr._core.config import Config
from streaminstr._core.handle import StreamHandle, current
from streaminstr._core.meter import Meter
from streaminstr._core.outcome import Cut, Ending, decide, ending_of
from streaminstr.types import CancelledBy, Outcome, StreamReport


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

    def __init__(
        self,
        config: Config,
        handle: StreamHandle,
        exchange: Request | None,
        requested: float | None,
    ) -> None:
        self.config, self.handle, self.exchange = config, handle, exchange
        self.maker = current.get()
        """The handle of the stream in whose step this one was created."""
        self.requested = requested if exchange is None else exchange.started
        self.closing: Closing | None = None
        self.stream: ref[Any] | None = None

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
        if self.handle.failure is not None:
            return self._report(meter, ending, Cut.REPORTED, **self.handle.failure)
        if ending is Ending.EXHAUSTED and self.handle.is_truncated:
            return self._report(meter, ending, Cut.TRUNCATED, error_type="truncated")
        return self._report(meter, ending, cut, error=error)

    def _report(self, meter: Meter, ending: Ending, cut: Cut, **facts: Any) -> StreamReport:
        own = [] if self.closing is None else [self.closing.cancelled_by]
        outcome, facts["cancelled_by"] = decide(ending, cut, own + self._outer_causes())
        if outcome is not Outcome.FAILED:
            facts.pop("error", None)
        is_error = outcome is Outcome.FAILED or (
            outcome is Outcome.CANCELLED and self.config.cancelled_is_error
        )
        facts |= {"outcome": outcome, "is_error": is_error}
        return self.handle.finish(make_report(meter, self.handle, self.requested, **facts))

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
    meter: Meter, handle: StreamHandle, requested: float | None, **facts: Any
) -> StreamReport:
    """A report of the numbers of `meter` as of now, the handle's fields and `facts`."""
    now = clock()
    producer = meter.producer + (now - meter.entered if meter.in_step else 0.0)
    consumer = max(now - meter.begun - producer, 0.0) if meter.begun else 0.0
    first = meter.first if meter.chunks else None
    return StreamReport(
        chunks=meter.chunks,
        bytes=meter.size,
        time_to_first_chunk=None if first is None else first - handle.created,
        request_time_to_first_chunk=(
            None if first is None or requested is None else first - requested
        ),
        producer_time=producer,
        consumer_time=consumer,
        **handle.said(meter.longest, producer, consumer),
        **facts,
    )
