"""OpenTelemetry, by its API alone: with no SDK installed nothing is recorded and little is done.

Rules followed: opentelemetry.io/docs/specs/otel/library-guidelines (API only),
.../trace/api (names, kinds, status) and opentelemetry.io/docs/specs/semconv (attributes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

import streaminstr

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from streaminstr import StreamInfo, StreamReport

SCHEMA_URL = "https://opentelemetry.io/schemas/1.34.0"


class OpenTelemetryBackend:
    """One span of kind INTERNAL for each stream, child of the span that is current."""

    def __init__(self, *, tracer_provider: TracerProvider | None = None) -> None:
        # Without a provider this is a proxy, which works before the SDK is set up and after.
        self.tracer: Tracer = trace.get_tracer(
            "streaminstr", streaminstr.__version__, tracer_provider, SCHEMA_URL
        )

    def open(self, info: StreamInfo) -> OpenTelemetryScope:
        return OpenTelemetryScope(self.tracer, info, otel_context.get_current())

    def flush(self, timeout: float) -> None:
        """Ask the SDK's provider, where there is one, to export what it holds."""
        force_flush = getattr(trace.get_tracer_provider(), "force_flush", None)
        if force_flush is not None:
            force_flush(int(timeout * 1000))


class OpenTelemetryScope:
    """One span."""

    __slots__ = ("_info", "_parent", "_span", "_tracer")

    def __init__(self, tracer: Tracer, info: StreamInfo, parent: Context) -> None:
        self._tracer = tracer
        self._info = info
        self._parent = parent
        self._span: Span = trace.INVALID_SPAN

    def start(self) -> dict[str, str]:
        parent, links = self._parent, []
        if self._info.parent == "link":
            links = [Link(trace.get_current_span(parent).get_span_context())]
            parent = trace.set_span_in_context(trace.INVALID_SPAN, parent)
        self._span = self._tracer.start_span(
            self._info.name,
            context=parent,
            kind=SpanKind.INTERNAL,
            attributes=self._info.attributes,
            links=links,
            start_time=self._info.started_ns,
        )
        # Never detached: the Context of the stream goes, and this with it.
        otel_context.attach(trace.set_span_in_context(self._span, parent))
        return _log_fields(self._span)

    def close(self, report: StreamReport) -> None:
        if not self._span.is_recording():
            return self._span.end()
        self._span.set_attributes(report.as_attributes())
        if report.error is not None:
            self._span.record_exception(report.error)
        if report.is_error:
            description = "" if report.error is None else str(report.error)
            self._span.set_status(Status(StatusCode.ERROR, description))
        return self._span.end()


def _log_fields(span: Span) -> dict[str, str]:
    """Names and forms of opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context."""
    context = span.get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
        "trace_flags": f"{context.trace_flags:02x}",
    }
