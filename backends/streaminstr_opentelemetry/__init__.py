"""OpenTelemetry, by its API alone. Without an SDK nothing is recorded.

Rules followed: opentelemetry.io/docs/specs/otel/library-guidelines (API only),
.../trace/api (names, kinds, status) and opentelemetry.io/docs/specs/semconv (attributes).
"""

from __future__ import annotations

from traceback import format_exception_only
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from streaminstr import __version__
from streaminstr import attributes as names
from streaminstr_opentelemetry._metrics import Metrics

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from streaminstr.types import Attribute, StreamInfo, StreamReport

SCHEMA_URL = "https://opentelemetry.io/schemas/1.30.0"
"""The version of the semantic conventions whose names are used; all of them are stable in it."""


class OpenTelemetryBackend:
    """One span of kind INTERNAL for each stream, child of the span that is current, and metrics.

    `metrics=False` leaves the metrics out. The providers are the global ones unless given.
    """

    def __init__(
        self,
        *,
        metrics: bool = True,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        # Without a provider these are proxies, which work before and after the SDK is set up.
        self.tracer: Tracer = trace.get_tracer(
            "streaminstr", __version__, tracer_provider, SCHEMA_URL
        )
        self.metrics: Metrics | None = None
        if metrics:
            self.metrics = Metrics(
                otel_metrics.get_meter("streaminstr", __version__, meter_provider, SCHEMA_URL)
            )
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider

    def open(self, info: StreamInfo) -> OpenTelemetryScope:
        return OpenTelemetryScope(self, info, otel_context.get_current())

    def flush(self, timeout: float) -> None:
        """Ask the SDK's providers, where there are any, to export what they have buffered."""
        providers: list[object] = [self._tracer_provider or trace.get_tracer_provider()]
        if self.metrics is not None:
            providers.append(self._meter_provider or otel_metrics.get_meter_provider())
        for provider in providers:
            force_flush = getattr(provider, "force_flush", None)
            if force_flush is not None:
                force_flush(int(timeout * 1000))


class OpenTelemetryScope:
    """One span, and one count of each metric."""

    __slots__ = ("_backend", "_info", "_parent", "_span")

    def __init__(self, backend: OpenTelemetryBackend, info: StreamInfo, parent: Context) -> None:
        self._backend = backend
        self._info = info
        self._parent = parent
        self._span: Span = trace.INVALID_SPAN

    def start(self) -> dict[str, str]:
        parent, links = self._parent, []
        if self._info.parent == "link":
            links = _links_to(trace.get_current_span(parent))
            parent = trace.set_span_in_context(trace.INVALID_SPAN, parent)
        self._span = self._backend.tracer.start_span(
            self._info.name,
            context=parent,
            kind=SpanKind.INTERNAL,
            attributes=self._info.attributes,
            links=links,
            start_time=self._info.started_ns,
        )
        # Never detached: it goes with the stream's Context.
        otel_context.attach(trace.set_span_in_context(self._span, parent))
        if self._backend.metrics is not None:
            self._backend.metrics.opened(self._info)
        return _log_fields(self._span)

    def progress(self, report: StreamReport) -> None:
        """Put the numbers so far on the open span, for tools that show unfinished spans."""
        self._span.set_attributes(_without_stalled(report.as_attributes()))

    def close(self, report: StreamReport) -> None:
        try:
            if self._backend.metrics is not None:
                self._backend.metrics.closed(self._info, report)
            if report.error is not None and self._span.is_recording():
                # Before the attributes, because ddtrace's bridge takes error.type from it.
                self._span.record_exception(report.error)
        finally:
            self._end(report)

    def _end(self, report: StreamReport) -> None:
        if self._span.is_recording():
            self._span.set_attributes(report.as_attributes())
            if report.is_error:
                self._span.set_status(Status(StatusCode.ERROR, _description(report)))
        self._span.end()


def _links_to(span: Span) -> list[Link]:
    context = span.get_span_context()
    return [Link(context)] if context.is_valid else []


def _without_stalled(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    """Leave out whose turn it is: that changes, and a span's attribute cannot be removed."""
    attributes.pop(names.STALLED, None)
    return attributes


def _description(report: StreamReport) -> str:
    """`ValueError: no such order`, also for an exception whose `str` raises."""
    return "" if report.error is None else "".join(format_exception_only(report.error)).strip()


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
