"""From what the steps have measured, and how the stream ended, to the report of a scope."""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr._core.outcome import Cut, Ending, decide
from streaminstr.types import Outcome, StreamReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streaminstr._core.life import Life
    from streaminstr._core.step import Meter
    from streaminstr.types import CancelledBy


def report_of(life: Life, meter: Meter, ending: Ending, cut: Cut, **facts: Any) -> StreamReport:
    """The numbers of `meter` as of now. `facts` are further fields, `error` among them."""
    now = clock()
    outcome, cancelled_by = decide(ending, cut, _causes(life))
    failed = outcome is Outcome.FAILED
    if not failed:
        facts.pop("error", None)
    producer = meter.producer + (now - meter.entered if meter.in_step else 0.0)
    consumer = max(now - meter.begun - producer, 0.0) if meter.begun else 0.0
    first = meter.first if meter.chunks else None
    return StreamReport(
        outcome=outcome,
        cancelled_by=cancelled_by,
        is_error=failed or (outcome is Outcome.CANCELLED and life.config.cancelled_is_error),
        chunks=meter.chunks,
        bytes=meter.size,
        time_to_first_chunk=None if first is None else first - life.created,
        request_time_to_first_chunk=(
            None if first is None or life.requested is None else first - life.requested
        ),
        producer_time=producer,
        consumer_time=consumer,
        **{"longest_gap": meter.longest, **life.handle.said(producer, consumer)},
        **facts,
    )


def _causes(life: Life) -> Iterator[CancelledBy | None]:
    """Who may have cut the stream short, the surest first."""
    if life.closing is not None:
        yield life.closing.cancelled_by
    if life.maker is not None and life.maker.cut_by is not None:
        yield from life.maker.cut_by
    if life.exchange is not None:
        is_dropped = life.closing is not None and life.closing.ending is Ending.DROPPED
        yield life.exchange.cause_of(life.stream, is_dropped=is_dropped)
