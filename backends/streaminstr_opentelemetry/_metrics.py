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
        recorders = {one.name: _instrument(meter, one) for one in every}
        self._opened = recorders[metrics.OPENED.name]
        self._closed = recorders[metrics.CLOSED.name]
        self._active = recorders[metrics.ACTIVE.name]
        self._refused = recorders[metrics.REFUSED.name]
        self._recorders = recorders
        self._has_gaps = gaps

    def refused(self, info: StreamInfo) -> None:
        """Count a stream that was not begun."""
        self._refused(1, metrics.at_start(info))

    def opened(self, info: StreamInfo) -> dict[str, Attribute]:
        """Count a stream that has started; returns the attributes that it is counted under."""
        attributes = metrics.at_start(info)
        self._opened(1, attributes)
        self._active(1, attributes)
        return attributes

    def closed(
        self, info: StreamInfo, report: StreamReport, attributes: dict[str, Attribute]
    ) -> None:
        """Record a stream that has ended.

        `attributes` are those of its start; otherwise the sum would not return to zero.
        """
        at_end = metrics.at_end(attributes, info, report)
        self._active(-1, attributes)
        self._closed(1, _those(at_end, metrics.CLOSED.attributes))
        of_histograms = _those(at_end, metrics.AT_END)
        for metric, value in metrics.values(report):
            self._recorders[metric.name](value, of_histograms)
        if self._has_gaps:
            for seconds in _bounded(report.gaps):
                self._recorders[GAPS.name](seconds, of_histograms)


def _those(attributes: dict[str, Attribute], names: tuple[str, ...]) -> dict[str, Attribute]:
    return {name: attributes[name] for name in names if name in attributes}


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
