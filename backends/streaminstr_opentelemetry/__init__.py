"""OpenTelemetry, using only its API. Without an SDK nothing is recorded.

Rules followed: opentelemetry.io/docs/specs/otel/library-guidelines (API only),
.../trace/api (names, kinds, status) and opentelemetry.io/docs/specs/semconv (attributes).
"""

from __future__ import annotations

from functools import cache
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, Status, StatusCode

from streaminstr import __version__
from streaminstr import attributes as names
from streaminstr.types import NotNow
from streaminstr_opentelemetry._metrics import GAPS, Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider

    from streaminstr.types import Attribute, StreamInfo, StreamReport

SCHEMA_URL = "https://opentelemetry.io/schemas/1.30.0"
"""The version of the semantic conventions whose names are used; all of them are stable in it.

It is the newest that the package of the lowest supported release, 1.30, knows.
"""
_BITS = 64
"""Of a whole number, in OTLP."""
_NO_LINKS: Sequence[Link] = ()


class OpenTelemetryBackend:
    """One span of kind INTERNAL for each stream, child of the span that is current, and metrics.

    `metrics=False` leaves the metrics out, `gaps=True` adds the histogram of gaps to them. The
    providers are the global ones unless given.
    """

    def __init__(
        self,
        *,
        metrics: bool = True,
        gaps: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        # Without a provider these are proxies, which work before and after the SDK is set up.
        self.tracer: Tracer = trace.get_tracer(
            "streaminstr", __version__, tracer_provider, SCHEMA_URL
        )
        self.metrics: Metrics | None = None
        if metrics:
            meter = otel_metrics.get_meter("streaminstr", __version__, meter_provider, SCHEMA_URL)
            self.metrics = Metrics(meter, gaps=gaps)
        self.gap_bounds: tuple[float, ...] = GAPS.buckets if metrics and gaps else ()
        """What `StreamReport.gaps` is counted by; empty: it is not counted."""
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider

    def open(self, info: StreamInfo) -> OpenTelemetryScope:
        return OpenTelemetryScope(self, info, otel_context.get_current())

    def trace_id(self) -> int | None:
        """The id of the current span's trace, for RATIO."""
        return trace.get_current_span().get_span_context().trace_id or None

    def refused(self, info: StreamInfo) -> None:
        """Count a stream that a limit has refused."""
        if self.metrics is not None:
            self.metrics.refused(info)

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

    __slots__ = ("_above", "_backend", "_counted", "_info", "_parent", "_span")

    def __init__(self, backend: OpenTelemetryBackend, info: StreamInfo, parent: Context) -> None:
        self._backend = backend
        self._info = info
        self._parent: Context | None = parent
        self._span: Span = trace.INVALID_SPAN
        self._above = trace.INVALID_SPAN_CONTEXT
        """The parent of each segment's span."""
        self._counted: dict[str, Attribute] = {}
        """The attributes under which the metrics count it as open."""

    def start(self) -> dict[str, str]:
        parent, links = self._parent, _NO_LINKS
        self._parent = None  # it holds the request's span, which has ended by then or will soon
        above = trace.get_current_span(parent).get_span_context()
        if self._info.parent == "link":
            links, above = _links_to(above), trace.INVALID_SPAN_CONTEXT
            parent = trace.set_span_in_context(trace.INVALID_SPAN, parent)
        self._begin(parent, links, self._info.started_ns)
        try:
            fields = self._make_current(parent)
            # In a trace of its own, the first segment is the parent of the others.
            self._above = above if above.is_valid else self._span.get_span_context()
            if self._backend.metrics is not None:
                self._counted = self._backend.metrics.opened(self._info)
        except BaseException:
            self._span.end()  # no close follows
            raise
        return fields

    def segment(self, report: StreamReport) -> dict[str, str]:
        ended = self._span.get_span_context()
        if trace.get_current_span().get_span_context().span_id != ended.span_id:
            raise NotNow
        try:
            if self._span.is_recording():
                self._span.set_attributes(_clean(report.as_attributes()))
        finally:
            self._span.end()
            self._span = trace.INVALID_SPAN  # until there is another one
        here = otel_context.get_current()
        above = trace.set_span_in_context(NonRecordingSpan(self._above), here)
        self._begin(above, _links_to(ended))
        return self._make_current(here)

    def _begin(
        self, parent: Context | None, links: Sequence[Link], started_ns: int | None = None
    ) -> None:
        self._span = self._backend.tracer.start_span(
            self._info.span_name,
            context=parent,
            kind=SpanKind.INTERNAL,
            attributes=_clean(self._info.as_attributes()),
            links=links,
            start_time=started_ns,
        )

    def _make_current(self, context: Context | None) -> dict[str, str]:
        # Never detached: the Context of the stream goes, and this with it.
        otel_context.attach(trace.set_span_in_context(self._span, context))
        return _log_fields(self._span)

    def progress(self, report: StreamReport) -> None:
        """Put the numbers so far on the open span, for tools that show unfinished spans."""
        self._span.set_attributes(_clean(_without_stalled(report.as_attributes())))

    def close(self, report: StreamReport) -> None:
        try:
            if self._backend.metrics is not None:
                self._backend.metrics.closed(self._info, report, self._counted)
            if report.error is not None and self._span.is_recording():
                # Before the attributes, because ddtrace's bridge takes error.type from it.
                self._span.record_exception(report.error)
            elif report.exception_message is not None:
                self._span.add_event("exception", _clean(_without_stacktrace(report)))
        finally:
            self._end(report)

    def _end(self, report: StreamReport) -> None:
        try:
            if self._span.is_recording():
                self._describe(report)
        finally:
            self._span.end()

    def _describe(self, report: StreamReport) -> None:
        attributes = report.as_attributes()
        marked = report.exception_type is None and _is_error(self._span)
        if marked and names.ERROR_TYPE not in report.attributes:
            attributes.pop(names.ERROR_TYPE, None)  # what the body has recorded stands
        self._span.set_attributes(_clean(attributes))
        if report.is_error and not marked:
            self._span.set_status(Status(StatusCode.ERROR, _description(report)))


def _clean(attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes` as the SDK and exporters take them: one that they cannot take loses all.

    The dict is the caller's own, and is changed where that is needed.
    """
    for name, value in attributes.items():
        kind = type(value)  # first the usual types, without a call for each value
        if (
            (kind is str and value.isascii())
            or kind is float
            or (kind is int and value.bit_length() < _BITS)
        ):
            continue
        attributes[name] = _cleaned(value)
    return attributes


def _cleaned(value: Any) -> Any:
    if isinstance(value, str) and value.isascii():
        return value
    if isinstance(value, int) and value.bit_length() < _BITS:
        return value
    if value is None or isinstance(value, float | list | tuple):
        return value
    try:
        return str(value).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - whatever an object raises that has no text
        return "?"


def _is_error(span: Span) -> bool:
    """Whether the body has set the status, where the SDK tells: the API has no way to ask."""
    status = getattr(span, "status", None)
    return getattr(status, "status_code", None) is StatusCode.ERROR


def _links_to(context: SpanContext) -> Sequence[Link]:
    return [Link(context)] if context.is_valid else _NO_LINKS


def _without_stalled(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    """Leave out whose turn it is: that changes, and a span's attribute cannot be removed."""
    attributes.pop(names.STALLED, None)
    return attributes


def _description(report: StreamReport) -> str:
    """`ValueError: no such order`, also of an exception whose `str` raises; or the reason."""
    if report.exception_message is not None:
        return f"{report.exception_type}: {report.exception_message}"
    if report.error is None:
        return report.reason or ""
    return "".join(format_exception_only(report.error)).strip()


def _without_stacktrace(report: StreamReport) -> dict[str, Any]:
    """opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans, the trace left out."""
    return {
        "exception.type": report.exception_type,
        "exception.message": report.exception_message,
    }


def _log_fields(span: Span) -> dict[str, str]:
    """Names and forms of opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context."""
    context = span.get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": context.trace_id.to_bytes(16, "big").hex(),  # valid ids have no more bytes
        "span_id": context.span_id.to_bytes(8, "big").hex(),
        "trace_flags": _flags(context.trace_flags),
    }


@cache  # one byte, of which two values are common, and each open stream would have its own copy
def _flags(flags: int) -> str:
    return f"{flags:02x}"
