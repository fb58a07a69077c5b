"""Decodes what vendors send: OTLP over HTTP, and traces in the formats of Datadog's agent.

Forms: opentelemetry.io/docs/specs/otlp (protobuf and JSON) and the agent's v0.4 and v0.5, in
msgpack. The decoders are the vendors' own or well-kept ones, where they are installed.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIGNALS = {"/v1/traces": "trace", "/v1/metrics": "metrics", "/v1/logs": "logs"}
"""Paths of OTLP, and what their protobuf module is called."""
DATADOG = ("/v0.4/traces", "/v0.5/traces")
V05 = (
    *("service", "name", "resource", "trace_id", "span_id", "parent_id", "start", "duration"),
    *("error", "meta", "metrics", "type"),
)
"""Fields of a span in Datadog's v0.5, whose texts are numbers of a table."""


@dataclass(slots=True, kw_only=True)
class ReceivedSpan:
    """A span as it arrived."""

    name: str
    """Of a span of Datadog's: its resource, where a stream's name is."""
    trace_id: str
    """Hexadecimal digits: 32, or the lower 16 in Datadog's form."""
    span_id: str
    parent_id: str | None
    service: str
    is_error: bool
    duration: float = 0.0
    """In seconds."""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ReceivedPoint:
    """One point of a metric as it arrived."""

    name: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    value: float
    """Of a histogram: the sum."""
    count: int | None = None
    """Of a histogram: how many values."""
    start: int = 0
    """Since when it counts, in Unix nanoseconds."""
    is_delta: bool = False


def unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """`body` without its compression."""
    return gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body


def otlp(path: str, body: bytes, content_type: str) -> dict[str, Any]:
    """A request of OTLP in its JSON form, whatever form it came in."""
    if content_type.startswith("application/json"):
        return json.loads(body)  # type: ignore[no-any-return]
    kind = SIGNALS[path]
    package = f"opentelemetry.proto.collector.{kind}.v1.{kind}_service_pb2"
    request = getattr(import_module(package), f"Export{kind.capitalize()}ServiceRequest")()
    request.ParseFromString(body)
    as_dict = import_module("google.protobuf.json_format").MessageToDict(request)
    return _with_hex_ids(as_dict)  # type: ignore[no-any-return]


def spans_of_otlp(request: dict[str, Any]) -> Iterator[ReceivedSpan]:
    """The spans of an OTLP request in its JSON form."""
    for resource in request.get("resourceSpans", ()):
        service = _attributes(resource.get("resource", {})).get("service.name", "")
        for span in chain.from_iterable(one.get("spans", ()) for one in resource["scopeSpans"]):
            yield ReceivedSpan(
                name=span["name"],
                trace_id=span["traceId"],
                span_id=span["spanId"],
                parent_id=span.get("parentSpanId") or None,
                service=service,
                is_error=span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR"),
                duration=(_nanoseconds(span, "end") - _nanoseconds(span, "start")) / 1e9,
                attributes=_attributes(span),
            )


def points_of_otlp(request: dict[str, Any]) -> Iterator[ReceivedPoint]:
    """The points of an OTLP request in its JSON form."""
    for resource in request.get("resourceMetrics", ()):
        own = _attributes(resource.get("resource", {}))
        for metric in chain.from_iterable(one["metrics"] for one in resource["scopeMetrics"]):
            for kind in ("sum", "gauge", "histogram"):
                data = metric.get(kind, {})
                delta = data.get("aggregationTemporality") in (1, "AGGREGATION_TEMPORALITY_DELTA")
                for point in data.get("dataPoints", ()):
                    yield _point(metric["name"], point, own, is_delta=delta)


def spans_of_datadog(path: str, body: bytes) -> Iterator[ReceivedSpan]:
    """The spans of a request to Datadog's agent. Raises ImportError without msgpack."""
    sent = import_module("msgpack").unpackb(body, strict_map_key=False)
    if path == "/v0.5/traces":
        table, traces = sent
        sent = [[_named(table, span) for span in trace] for trace in traces]
    for span in chain.from_iterable(sent):
        meta = span.get("meta") or {}
        yield ReceivedSpan(
            name=span["resource"],
            trace_id=f"{meta.get('_dd.p.tid', '')}{span['trace_id']:016x}",
            span_id=f"{span['span_id']:016x}",
            parent_id=f"{span['parent_id']:016x}" if span.get("parent_id") else None,
            service=span.get("service") or "",
            is_error=bool(span.get("error")),
            duration=span.get("duration", 0) / 1e9,
            attributes={**meta, **(span.get("metrics") or {})},
        )


def _named(table: list[str], span: list[Any]) -> dict[str, Any]:
    named = dict(zip(V05, span, strict=True))
    for key in ("service", "name", "resource", "type"):
        named[key] = table[named[key]]
    named["meta"] = {table[key]: table[value] for key, value in named["meta"].items()}
    named["metrics"] = {table[key]: value for key, value in named["metrics"].items()}
    return named


def _point(
    name: str, point: dict[str, Any], resource: dict[str, Any], *, is_delta: bool
) -> ReceivedPoint:
    value = point.get("asDouble", point.get("asInt", point.get("sum", 0)))
    return ReceivedPoint(
        name=name,
        attributes=_attributes(point),
        resource=resource,
        value=float(value),
        count=int(point["count"]) if "count" in point else None,
        start=int(point.get("startTimeUnixNano", 0)),
        is_delta=is_delta,
    )


def _nanoseconds(span: dict[str, Any], which: str) -> int:
    return int(span.get(f"{which}TimeUnixNano", 0))


def _attributes(owner: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value", {})) for pair in owner.get("attributes", ())}


def _value(value: dict[str, Any]) -> Any:
    """The value of OTLP's `AnyValue`; arrays and maps as they are."""
    for kind, content in value.items():
        return int(content) if kind == "intValue" else content
    return None


def _with_hex_ids(value: Any) -> Any:
    """Ids as OTLP's JSON has them: protobuf's own JSON writes bytes in base64."""
    if isinstance(value, list):
        return [_with_hex_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: b64decode(one).hex() if key in _IDS else _with_hex_ids(one)
        for key, one in value.items()
    }


_IDS = ("traceId", "spanId", "parentSpanId")
