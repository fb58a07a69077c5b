"""From what the steps have measured to the report that a scope receives."""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr.types import StreamReport

if TYPE_CHECKING:
    from streaminstr._core.step import Meter


def make_report(
    meter: Meter, *, created: float, requested: float | None, **facts: Any
) -> StreamReport:
    """The numbers of `meter` as of now, with `facts`: further fields of the report."""
    now = clock()
    producer = meter.producer
    if meter.in_step:
        producer += now - meter.entered
    consumer = now - meter.begun - producer if meter.begun else 0.0
    first = meter.first if meter.chunks else None
    return StreamReport(
        chunks=meter.chunks,
        bytes=meter.size,
        time_to_first_chunk=None if first is None else first - created,
        request_time_to_first_chunk=(
            None if first is None or requested is None else first - requested
        ),
        longest_gap=meter.longest,
        producer_time=producer,
        consumer_time=max(consumer, 0.0),
        **facts,
    )
