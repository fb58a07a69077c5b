"""The metrics of streams. docs/reference/metrics.md lists names, units, buckets, attributes."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from streaminstr import attributes as names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import Histogram, Meter

    from streaminstr.types import Attribute, StreamInfo, StreamReport

# The conventions' buckets for HTTP stop at 10 s. These are the buckets of their long-lived
# connections (signalr.server.connection.duration), continued to an hour.
DURATION = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
# The buckets of gen_ai.server.time_to_first_token.
FIRST_CHUNK = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08),
    *(0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
# The buckets of gen_ai.server.time_per_output_token, continued to five minutes.
GAP = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1, 2.5, 5, 10, 30, 60, 300),
)
SIZE = tuple(4**power for power in range(5, 16))
"""1 KiB to 1 GiB."""
MOST_GAPS = 200
"""How often one stream records a gap. The API takes one value at a time, in the stream's end."""
AT_START = (names.HTTP_METHOD, names.HTTP_ROUTE)
"""Attributes of every metric, where the stream has them, beside `streaminstr.name`."""
AT_END = (names.HTTP_STATUS,)
"""Attributes of what is recorded at the end, beside the outcome and `error.type`."""


class Metrics:
    """The instruments of one meter. Without an SDK they do nothing."""

    def __init__(self, meter: Meter, *, gaps: bool = False) -> None:
        self._gap = _gap_histogram(meter) if gaps else None
        self._active = meter.create_up_down_counter(
            "streaminstr.active_streams", "{stream}", "Streams that are open."
        )
        self._duration = meter.create_histogram(
            "streaminstr.stream.duration",
            "s",
            "Time from the first step of a stream to its end.",
            explicit_bucket_boundaries_advisory=DURATION,
        )
        self._first_chunk = meter.create_histogram(
            "streaminstr.stream.time_to_first_chunk",
            "s",
            "Time from the making of a stream to its first chunk.",
            explicit_bucket_boundaries_advisory=FIRST_CHUNK,
        )
        self._size = meter.create_histogram(
            "streaminstr.stream.body.size",
            "By",
            "Size of the chunks of a stream.",
            explicit_bucket_boundaries_advisory=SIZE,
        )
        self._refused = meter.create_counter(
            "streaminstr.streams.refused",
            "{stream}",
            "Streams that were answered 503: too many were open, or the process drained.",
        )

    def refused(self, info: StreamInfo) -> None:
        """Count a stream that was not begun."""
        self._refused.add(1, _at_start(info))

    def opened(self, info: StreamInfo) -> dict[str, Attribute]:
        """Count a stream that has started; returns the attributes that it is counted under."""
        attributes = _at_start(info)
        self._active.add(1, attributes)
        return attributes

    def closed(
        self, info: StreamInfo, report: StreamReport, attributes: dict[str, Attribute]
    ) -> None:
        """Record a stream that has ended.

        `attributes` are those of its start; otherwise the sum would not return to zero.
        """
        self._active.add(-1, attributes)
        at_end = _at_end(attributes, info, report)
        self._duration.record(report.duration, at_end)
        if report.bytes is not None:
            self._size.record(report.bytes, at_end)
        if report.time_to_first_chunk is not None:
            self._first_chunk.record(report.time_to_first_chunk, at_end)
        if self._gap is not None:
            for seconds in _bounded(report.gaps):
                self._gap.record(seconds, at_end)


def _gap_histogram(meter: Meter) -> Histogram:
    return meter.create_histogram(
        "streaminstr.stream.gap",
        "s",
        "Time from one chunk of a stream to the next; of an event stream, between events.",
        explicit_bucket_boundaries_advisory=GAP,
    )


def _bounded(gaps: tuple[tuple[float, int], ...]) -> Iterator[float]:
    """Each bucket's mean as often as it counts; of a long stream all of them in proportion.

    A bucket that is not empty keeps one: a rare, long gap is what one looks for.
    """
    share = min(MOST_GAPS / max(sum(times for _, times in gaps), 1), 1)
    for seconds, times in gaps:
        yield from repeat(seconds, max(round(times * share), 1))


def _at_start(info: StreamInfo) -> dict[str, Attribute]:
    own = info.attributes
    return {names.NAME: info.name, **{key: own[key] for key in AT_START if key in own}}


def _at_end(
    attributes: dict[str, Attribute], info: StreamInfo, report: StreamReport
) -> dict[str, Attribute]:
    own = info.attributes
    at_end = {**attributes, **{key: own[key] for key in AT_END if key in own}}
    at_end[names.OUTCOME] = report.outcome.value
    if report.error_type is not None:
        at_end[names.ERROR_TYPE] = report.error_type
    return at_end
