"""Finished spans in nobody's terms, so that two vendors can be compared."""

from dataclasses import dataclass

TIMES = frozenset(
    f"streaminstr.{name}"
    for name in (
        "time_to_first_chunk",
        "request_time_to_first_chunk",
        "longest_gap",
        "producer_time",
        "consumer_time",
        "time_to_first_event",
        "upstream_time",
        "loop_lag",
        "stream_id",
    )
)
"""Attributes whose values are never the same twice."""
NEUTRAL_NAMES = {
    "http.method": "http.request.method",
    "http.status_code": "http.response.status_code",
}
DATADOGS_OWN = ("_dd.", "_sampling", "component", "error.", "language", "process_id", "runtime-id")
DATADOGS_OWN += ("span.kind", "env", "version")


@dataclass(frozen=True, kw_only=True)
class Node:
    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    links: tuple[int, ...]
    """Span ids."""
    attributes: dict[str, object]
    """Under the names of the semantic conventions; numbers as float, all else as text."""
    is_error: bool
    error_type: str | None
    exceptions: int
    start_ns: int
    duration_ns: int = 0

    def __getitem__(self, name):
        return self.attributes[name]


def of_datadog(span):
    """A node of a span in the form of the agent's API: `meta`, `metrics`, `span_links`."""
    meta, metrics = span.get("meta") or {}, span.get("metrics") or {}
    own = {**meta, **metrics}
    return Node(
        name=span["resource"],
        trace_id=span["trace_id"] & (2**64 - 1),
        span_id=span["span_id"],
        parent_id=span.get("parent_id") or None,
        links=tuple(link["span_id"] for link in span.get("span_links") or ()),
        attributes={
            NEUTRAL_NAMES.get(name, name): plain(value)
            for name, value in own.items()
            if not name.startswith(DATADOGS_OWN)
        },
        is_error=bool(span.get("error")),
        error_type=meta.get("error.type"),
        exceptions=int("error.stack" in meta),
        start_ns=span["start"],
        duration_ns=span["duration"],
    )


def plain(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return float(value) if isinstance(value, int | float) else value


def of_opentelemetry(span, attributes):
    """A node of a span in the form of OTLP's JSON, ids decoded to int; `attributes` are a dict."""
    attributes = {**attributes}
    error_type = attributes.pop("error.type", None)
    if "http.response.status_code" in attributes:  # always text at Datadog
        attributes["http.response.status_code"] = str(attributes["http.response.status_code"])
    return Node(
        name=span["name"],
        trace_id=span["trace_id"] & (2**64 - 1),
        span_id=span["span_id"],
        parent_id=span["parent_id"],
        links=tuple(span["links"]),
        attributes={name: plain(value) for name, value in attributes.items()},
        is_error=span["is_error"],
        error_type=error_type,
        exceptions=span["exceptions"],
        start_ns=span["start_ns"],
        duration_ns=span["end_ns"] - span["start_ns"],
    )
