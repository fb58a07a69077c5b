"""Compares streams as two vendors have sent them: what is equal, what differs, and why.

A stream has one id in both, `streaminstr.stream_id`. Names are compared by those of the semantic
conventions, values by what both can hold: Datadog has numbers as floats and all else as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streaminstr.command.decode import ReceivedSpan
    from streaminstr.command.receiver import Arrival

NEUTRAL = {"http.method": names.HTTP_METHOD, "http.status_code": names.HTTP_STATUS}
"""Datadog's names of two attributes, as streaminstr_ddtrace writes them."""
DATADOGS_OWN = (
    *("_dd.", "_sampling", "component", "language", "process_id", "runtime-id", "span.kind"),
    *("env", "version", "error."),
)
"""Beginnings of what ddtrace adds to any span, and of what OpenTelemetry has in an event."""
PRIORITY = "_sampling_priority_v1"
NOT_SENT = {
    "Datadog": (
        "Datadog has not got it: RATIO or FILTER, or ddtrace is turned off or not loaded "
        "(ddtrace-run)"
    ),
    "OpenTelemetry": (
        "OpenTelemetry has not sent it: RATIO or FILTER, its sampler, or no SDK is set up "
        "(opentelemetry-instrument)"
    ),
}
TWICE = {
    "Datadog": "twice at Datadog: its bridge takes OpenTelemetry's spans (DD_TRACE_OTEL_ENABLED)",
    "OpenTelemetry": (
        "twice in OTLP: ddtrace exports OTLP, and nothing to Datadog's agent (set "
        "DD_TRACE_AGENT_PROTOCOL_VERSION=v0.4)"
    ),
}
NO_PARENT = {
    "Datadog": "ddtrace-run, as the last launcher",
    "OpenTelemetry": "opentelemetry-instrument, with the instrumentation of the framework",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One stream at one vendor."""

    span: ReceivedSpan
    parent: str
    """The name of its parent; `root`, or `?` where that has not arrived."""
    is_dropped: bool
    """Whether Datadog's agent would drop it: its trace was not sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One stream at both vendors, each as often as it arrived."""

    stream_id: str
    datadog: list[Seen]
    opentelemetry: list[Seen]

    def row(self) -> tuple[str, ...]:
        """The stream for a table, side by side where the vendors differ."""
        sides = (self.datadog, self.opentelemetry)
        return (
            self.stream_id,
            _beside(side[0].span.name if side else "-" for side in sides),
            _beside(_text(side, names.OUTCOME) for side in sides),
            _beside(side[0].parent if side else "-" for side in sides),
            _beside(f"{side[0].span.duration:.3f}" if side else "-" for side in sides),
            "; ".join(self.differences()) or "nothing",
        )

    def differences(self) -> list[str]:
        """What differs, and why where that is known."""
        sides = {"Datadog": self.datadog, "OpenTelemetry": self.opentelemetry}
        twice = [TWICE[vendor] for vendor, side in sides.items() if len(side) > 1]
        if lost := [NOT_SENT[vendor] for vendor, side in sides.items() if not side]:
            return twice or lost  # what one vendor has twice, the other lacks
        return twice + _of(self.datadog[0], self.opentelemetry[0])


def compared(arrivals: Iterable[Arrival]) -> list[Compared]:
    """All streams of what has arrived, in the order of their arrival."""
    datadog: list[ReceivedSpan] = []
    opentelemetry: list[ReceivedSpan] = []
    for arrival in arrivals:
        (datadog if arrival.protocol.startswith("Datadog") else opentelemetry).extend(arrival.spans)
    one, other = _streams(datadog), _streams(opentelemetry)
    return [
        Compared(stream_id=key, datadog=one.get(key, []), opentelemetry=other.get(key, []))
        for key in {**one, **other}
    ]


def _streams(spans: list[ReceivedSpan]) -> dict[str, list[Seen]]:
    parents = {span.span_id: span.name for span in spans}
    dropped = {span.trace_id[-16:] for span in spans if span.attributes.get(PRIORITY, 1) <= 0}
    streams: dict[str, list[Seen]] = {}
    for span in spans:
        if names.STREAM_ID in span.attributes:
            parent = "root" if span.parent_id is None else parents.get(span.parent_id, "?")
            seen = Seen(span=span, parent=parent, is_dropped=span.trace_id[-16:] in dropped)
            streams.setdefault(_key(span), []).append(seen)
    return streams


def _key(span: ReceivedSpan) -> str:
    """The id of the stream; of a segment its number, too."""
    own = span.attributes[names.STREAM_ID], span.attributes.get(names.SEGMENT)
    return f"{own[0]}" if own[1] is None else f"{own[0]}.{float(own[1]):g}"


def _of(one: Seen, other: Seen) -> list[str]:
    differences = []
    if one.is_dropped:
        differences.append("Datadog's agent drops it: its trace is not sampled, OpenTelemetry's is")
    if (one.parent == "root") is not (other.parent == "root"):
        vendor = "Datadog" if one.parent == "root" else "OpenTelemetry"
        differences.append(
            f"no parent at {vendor}: the request is not traced by it ({NO_PARENT[vendor]})"
        )
    if one.span.service != other.span.service:
        differences.append(
            f"service {one.span.service!r} and {other.span.service!r}: set DD_SERVICE and "
            "OTEL_SERVICE_NAME alike"
        )
    if one.span.name != other.span.name:
        differences.append(f"name {one.span.name!r} and {other.span.name!r}")
    if one.span.is_error is not other.span.is_error:
        differences.append(f"error {one.span.is_error} and {other.span.is_error}")
    left, right = _neutral(one.span), _neutral(other.span)
    return differences + [
        f"{name} {left.get(name, '-')!r} and {right.get(name, '-')!r}"
        for name in {**left, **right}
        if left.get(name) != right.get(name)
    ]


def _neutral(span: ReceivedSpan) -> dict[str, Any]:
    """The attributes under one name, in the one form that both vendors can hold."""
    return {
        NEUTRAL.get(name, name): _plain(NEUTRAL.get(name, name), value)
        for name, value in span.attributes.items()
        if name == names.ERROR_TYPE or not name.startswith(DATADOGS_OWN)
    }


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    is_number = isinstance(value, int | float) and name != names.HTTP_STATUS
    return float(value) if is_number else str(value)


def _text(side: list[Seen], name: str) -> str:
    return str(side[0].span.attributes.get(name, "?")) if side else "-"


def _beside(cells: Iterable[str]) -> str:
    one, other = cells
    return one if one == other else f"{one} | {other}"
