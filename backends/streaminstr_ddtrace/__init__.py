"""Datadog, by `ddtrace.trace` alone: the part of ddtrace that its versioning policy calls public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddtrace.trace import tracer

if TYPE_CHECKING:
    from ddtrace.trace import Context, Span

    from streaminstr import StreamInfo, StreamReport
    from streaminstr._scope import Attribute

OPERATION = "streaminstr.stream"
"""Operation name of each span; the stream's own name is its resource."""
_NAMES = {"http.request.method": "http.method", "http.response.status_code": "http.status_code"}
"""Attributes that Datadog knows by another name than OpenTelemetry's semantic conventions."""


class DatadogBackend:
    """One span for each stream, child of the span that is active. `service` is left to Datadog."""

    def open(self, info: StreamInfo) -> DatadogScope:
        # By its Context, not the span: a span that has finished is forgotten as a parent. And
        # the decision to keep the trace is made now, while the request's span can still carry it
        # (docs: advanced_usage, "context propagation across executions").
        root = tracer.current_root_span()
        if root is not None and root.context.sampling_priority is None:
            tracer.sample(root)
        return DatadogScope(info, tracer.current_trace_context())

    def flush(self, timeout: float) -> None:  # noqa: ARG002 - the writer has a timeout of its own
        """Send what the writer holds."""
        tracer.flush()


class DatadogScope:
    """One span."""

    __slots__ = ("_info", "_parent", "_span")

    def __init__(self, info: StreamInfo, parent: Context | None) -> None:
        self._info = info
        self._parent = parent
        self._span: Span

    def start(self) -> dict[str, str]:
        linked = self._info.parent == "link"
        self._span = tracer.start_span(
            OPERATION,
            child_of=None if linked else self._parent,
            resource=self._info.name,
            span_type="web",
            activate=True,
        )
        if linked and self._parent is not None:
            self._span.link_span(self._parent)
        if self._info.started_ns is not None:
            self._span.start_ns = self._info.started_ns
        self._span.set_tag("component", "streaminstr")
        self._span.set_tag("span.kind", "internal")
        self._set(self._info.attributes)
        return tracer.get_log_correlation_context(active=self._span)

    def close(self, report: StreamReport) -> None:
        if report.error is not None:
            error = report.error
            self._span.set_exc_info(type(error), error, error.__traceback__)
        self._span.error = int(report.is_error)
        self._set(report.as_attributes())
        self._span.finish()

    def _set(self, attributes: dict[str, Attribute]) -> None:
        for name, value in attributes.items():
            if isinstance(value, int | float) and not name.startswith("http."):
                self._span.set_metric(name, value)
            else:
                self._span.set_tag(_NAMES.get(name, name), str(value))
