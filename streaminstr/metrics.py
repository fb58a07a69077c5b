"""The metrics of streams, in no vendor's terms: for backends that record them, and for tables.

docs/reference/metrics.md describes each. Names and units follow OpenTelemetry's conventions
(https://opentelemetry.io/docs/specs/semconv/general/metrics/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streaminstr import attributes as names

if TYPE_CHECKING:
    from streaminstr.types import Attribute, StreamInfo, StreamReport

AT_START = (names.NAME, names.HTTP_METHOD, names.HTTP_ROUTE)
"""Attributes of every metric, where the stream has them. None of them grows with the clients."""
AT_END = (*AT_START, names.HTTP_STATUS, names.OUTCOME, names.ERROR_TYPE)
"""Attributes of a histogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: what to create at the vendor's."""

    name: str
    unit: str
    """In UCUM: `s`, `By`, `{stream}`."""
    description: str
    kind: Literal["counter", "gauge", "histogram"]
    """A gauge goes up by one at the start of a stream, and down by one at its end."""
    attributes: tuple[str, ...] = AT_START
    buckets: tuple[float, ...] = ()


ACTIVE = Metric(
    name="streaminstr.active_streams",
    unit="{stream}",
    description="Streams that are open.",
    kind="gauge",
)
OPENED = Metric(
    name="streaminstr.streams.opened",
    unit="{stream}",
    description="Streams that have started.",
    kind="counter",
)
CLOSED = Metric(
    name="streaminstr.streams.closed",
    unit="{stream}",
    description="Streams that have ended.",
    kind="counter",
    attributes=(*AT_START, names.OUTCOME, names.CANCELLED_BY),
)
REFUSED = Metric(
    name="streaminstr.streams.refused",
    unit="{stream}",
    description="Streams that were answered 503: too many were open, or the process drained.",
    kind="counter",
)
# The conventions' buckets for HTTP stop at 10 s. These are the buckets of their long-lived
# connections (signalr.server.connection.duration), continued to an hour.
DURATION = Metric(
    name="streaminstr.stream.duration",
    unit="s",
    description="Time from the first step of a stream to its end.",
    kind="histogram",
    attributes=AT_END,
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
# The buckets of gen_ai.server.time_to_first_token.
FIRST_CHUNK = Metric(
    name="streaminstr.stream.time_to_first_chunk",
    unit="s",
    description="Time from the making of a stream to its first chunk.",
    kind="histogram",
    attributes=AT_END,
    buckets=(
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08),
        *(0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
    ),
)
SIZE = Metric(
    name="streaminstr.stream.body.size",
    unit="By",
    description="Size of the chunks of a stream.",
    kind="histogram",
    attributes=AT_END,
    buckets=tuple(4**power for power in range(5, 16)),  # 1 KiB to 1 GiB
)
METRICS = (ACTIVE, OPENED, CLOSED, REFUSED, DURATION, FIRST_CHUNK, SIZE)
"""All but the histogram of gaps, which is an option of the OpenTelemetry backend."""


def at_start(info: StreamInfo) -> dict[str, Attribute]:
    """The attributes of a stream that starts. Keep them: at its end, `info` may have others."""
    own = info.attributes
    started: dict[str, Attribute] = {names.NAME: info.name}
    for key in AT_START:
        if key in own:
            started[key] = own[key]
    return started


def at_end(
    started: dict[str, Attribute], info: StreamInfo, report: StreamReport
) -> dict[str, Attribute]:
    """The attributes of a stream that ends, for each metric to pick from.

    `started` is what `at_start` returned, without which the gauge would not return to zero.
    """
    own, ended = info.attributes, started.copy()
    for key in AT_END:
        if key in own and key not in started:
            ended[key] = own[key]
    ended[names.OUTCOME] = report.outcome._value_
    if report.error_type is not None:
        ended[names.ERROR_TYPE] = report.error_type
    if report.cancelled_by is not None:
        ended[names.CANCELLED_BY] = report.cancelled_by
    return ended


def values(report: StreamReport) -> list[tuple[Metric, float]]:
    """What the histograms record of a stream that ends: those values that there are."""
    recorded: list[tuple[Metric, float]] = [(DURATION, report.duration)]
    if report.bytes is not None:
        recorded.append((SIZE, report.bytes))
    if report.time_to_first_chunk is not None:
        recorded.append((FIRST_CHUNK, report.time_to_first_chunk))
    return recorded
