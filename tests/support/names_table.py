"""What is called what at each vendor: docs/reference/names.md is written from here.

    python tests/support/names_table.py > docs/reference/names.md

tests/backends/test_names.py compares it with the page, and with what the backends really send.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from attribute_table import AT_END, AT_START
from streaminstr import metrics
from streaminstr_ddtrace import NAMES, OPERATION

PROMETHEUS = {"s": "_seconds", "By": "_bytes"}
SUFFIXES = {"counter": "_total", "gauge": "", "histogram": "_bucket"}
"""What a query of Prometheus asks for."""
FROM_SPANS = f"`operation_name:{OPERATION}`"
DATADOG = {
    metrics.ACTIVE.name: "none: an open span is not sent",
    metrics.OPENED.name: "none: an open span is not sent",
    metrics.CLOSED.name: f"`trace.{OPERATION}.hits`; by `@streaminstr.outcome`: a count from spans",
    metrics.REFUSED.name: "none: a stream that is refused has no span",
    metrics.DURATION.name: f"`trace.{OPERATION}` (a distribution)",
    metrics.FIRST_CHUNK.name: "a distribution from spans: `@streaminstr.time_to_first_chunk`",
    metrics.SIZE.name: "a distribution from spans: `@streaminstr.bytes`",
}
"""The same figure where Datadog has spans alone."""


class Query(NamedTuple):
    """One question to telemetry, as each vendor's tools write it."""

    question: str
    datadog: str
    opentelemetry: str
    """TraceQL, as Grafana Tempo has it for OpenTelemetry's spans; or a metric."""
    prometheus: str


QUERIES = (
    Query(
        "streams that failed",
        "`operation_name:streaminstr.stream status:error`",
        '`{ instrumentation:name = "streaminstr" && status = error }`',
        '`sum(rate(streaminstr_streams_closed_total{streaminstr_outcome="failed"}[5m]))`',
    ),
    Query(
        "share of failures, by route",
        "`trace.streaminstr.stream.errors / trace.streaminstr.stream.hits`, by `resource_name`",
        "the same, by `span.http.route`",
        (
            "`sum by (http_route) "
            '(rate(streaminstr_streams_closed_total{streaminstr_outcome="failed"}[5m])) '
            "/ sum by (http_route) (rate(streaminstr_streams_closed_total[5m]))`"
        ),
    ),
    Query(
        "cut by the server",
        "`@streaminstr.outcome:cancelled @streaminstr.cancelled_by:server`",
        '`{ span.streaminstr.cancelled_by = "server" }`',
        (
            "`sum(increase(streaminstr_streams_closed_total"
            '{streaminstr_cancelled_by="server"}[5m]))`'
        ),
    ),
    Query(
        "clients that leave",
        "`@streaminstr.outcome:cancelled @streaminstr.cancelled_by:client`",
        '`{ span.streaminstr.cancelled_by = "client" }`',
        (
            "`sum(increase(streaminstr_streams_closed_total"
            '{streaminstr_cancelled_by="client"}[5m]))`'
        ),
    ),
    Query(
        "95 % see their first chunk within",
        "`p95` of `@streaminstr.time_to_first_chunk`",
        "`p95` of `span.streaminstr.time_to_first_chunk`",
        (
            "`histogram_quantile(0.95, sum by (le) "
            "(rate(streaminstr_stream_time_to_first_chunk_seconds_bucket[5m])))`"
        ),
    ),
    Query(
        "open streams",
        "none; the metric of OpenTelemetry or Prometheus",
        "`streaminstr.active_streams`",
        "`sum(streaminstr_active_streams)`",
    ),
)
_HEAD = """\
# Names at each vendor

What a stream is called in OpenTelemetry, at Datadog and in Prometheus, to take dashboards, monitors
and queries from one to the other. `streaminstr compare` holds the spans of both vendors against
each other by these names ([how](../how-to/swap-datadog-for-opentelemetry.md)).
"""
_SPAN = """\
## The span

| what | OpenTelemetry | Datadog |
|---|---|---|
| name of the stream | span name | resource |
| kind | `INTERNAL`, scope `streaminstr` | operation `streaminstr.stream`, `span.kind:internal` |
| service | `service.name` (`OTEL_SERVICE_NAME`) | `service` of the request (`DD_SERVICE`) |
| failure | status `ERROR`, one event `exception` | `error:1`, `error.message`, `error.stack` |
| numbers | attributes | metrics of the span |
| `true`, `false` | booleans | text |
| ids on log lines | `trace_id`, `span_id`, `trace_flags` | `dd.trace_id`, `dd.span_id` |
"""


def as_markdown() -> str:
    """The page."""
    to_datadog = sorted(_pairs())
    from_datadog = sorted((theirs, ours) for ours, theirs in _pairs())
    return "\n".join(
        [
            _HEAD,
            _SPAN,
            "## Attributes, from OpenTelemetry to Datadog\n",
            _table(("OpenTelemetry", "Datadog"), to_datadog),
            "## Attributes, from Datadog to OpenTelemetry\n",
            _table(("Datadog", "OpenTelemetry"), from_datadog),
            "## Metrics\n",
            _table(("OpenTelemetry", "Prometheus", "Datadog, from spans"), _metrics()),
            (
                "With `DD_METRICS_OTEL_ENABLED=true` Datadog has OpenTelemetry's metrics under "
                "OpenTelemetry's names:\nsee [metrics](metrics.md#datadog).\n"
            ),
            "## Queries\n",
            _table(("question", "Datadog", "OpenTelemetry", "Prometheus"), QUERIES),
        ]
    )


def _pairs() -> list[tuple[str, str]]:
    """Each attribute under OpenTelemetry's name, and under Datadog's."""
    return [(f"`{row.name}`", f"`@{NAMES.get(row.name, row.name)}`") for row in AT_START + AT_END]


def prometheus_name(metric: metrics.Metric) -> str:
    """What a query asks for."""
    plain = metric.name.replace(".", "_") + PROMETHEUS.get(metric.unit, "")
    return plain + SUFFIXES[metric.kind]


def _metrics() -> list[tuple[str, str, str]]:
    return [
        (f"`{metric.name}`", f"`{prometheus_name(metric)}`", DATADOG[metric.name])
        for metric in metrics.METRICS
    ]


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]] | tuple[Query, ...]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


if __name__ == "__main__":  # pragma: no cover - the command that writes the page
    sys.stdout.write(as_markdown())
