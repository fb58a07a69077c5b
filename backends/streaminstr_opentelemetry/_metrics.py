"""The metrics of streams, as instruments. docs/reference/metrics.md describes them."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

from streaminstr import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import Meter

    from streaminstr.metrics import Metric
    from streaminstr.types import Attribute, StreamInfo, StreamReport

GAPS = metrics.Metric(
    name="streaminstr.stream.gap",
    unit="s",
    description="Time from one chunk of a stream to the next; of an event stream, between events.",
    kind="histogram",
    attributes=metrics.AT_END,
    # The buckets of gen_ai.server.time_per_output_token, continued to five minutes.
    buckets=(
        *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
        *(1, 2.5, 5, 10, 30, 60, 300),
    ),
)
MOST_GAPS = 200
"""How often one stream records a gap. The API takes one value at a time, in the stream's end."""


class Metrics:
    """The instruments of one meter. Without an SDK they do nothing."""

    def __init__(self, meter: Meter, *, gaps: bool = False) -> None:
        every = (*metrics.METRICS, GAPS) if gaps else metrics.METRICS
        self._instruments = {one.name: _instrument(meter, one) for one in every}
        self._has_gaps = gaps

    def refused(self, info: StreamInfo) -> None:
        """Count a stream that was not begun."""
        self._record(metrics.at_start(info), (metrics.REFUSED, 1))

    def opened(self, info: StreamInfo) -> dict[str, Attribute]:
        """Count a stream that has started; returns the attributes that it is counted under."""
        attributes = metrics.at_start(info)
        self._record(attributes, (metrics.OPENED, 1), (metrics.ACTIVE, 1))
        return attributes

    def closed(
        self, info: StreamInfo, report: StreamReport, attributes: dict[str, Attribute]
    ) -> None:
        """Record a stream that has ended.

        `attributes` are those of its start; otherwise the sum would not return to zero.
        """
        at_end = metrics.at_end(attributes, info, report)
        self._record(at_end, (metrics.ACTIVE, -1), (metrics.CLOSED, 1), *metrics.values(report))
        if self._has_gaps:
            self._record(at_end, *((GAPS, seconds) for seconds in _bounded(report.gaps)))

    def _record(self, attributes: dict[str, Attribute], *values: tuple[Metric, float]) -> None:
        own: dict[tuple[str, ...], dict[str, Attribute]] = {}
        for metric, value in values:
            if (taken := metric.attributes) not in own:
                own[taken] = {name: attributes[name] for name in taken if name in attributes}
            self._instruments[metric.name](value, own[taken])


def _instrument(meter: Meter, metric: Metric) -> Any:
    """The method that records a value of it."""
    about = metric.name, metric.unit, metric.description
    if metric.kind == "histogram":
        return meter.create_histogram(
            *about, explicit_bucket_boundaries_advisory=metric.buckets
        ).record
    if metric.kind == "gauge":
        return meter.create_up_down_counter(*about).add
    return meter.create_counter(*about).add


def _bounded(gaps: tuple[tuple[float, int], ...]) -> Iterator[float]:
    """Each bucket's mean as often as it counts; of a long stream all of them in proportion.

    A bucket that is not empty keeps one: a rare, long gap is what one looks for.
    """
    share = min(MOST_GAPS / max(sum(times for _, times in gaps), 1), 1)
    for seconds, times in gaps:
        yield from repeat(seconds, max(round(times * share), 1))
