"""The demo's recorder that is Datadog's own library: finished traces are kept, and not sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from streaminstr.demo.spans import Span

# ddtrace reads these when it is imported. There is no such agent: nothing leaves this process.
os.environ.update(
    DD_TRACE_ENABLED="true",
    DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
    DD_REMOTE_CONFIGURATION_ENABLED="false",
    DD_TRACE_AGENT_URL="unix:///nowhere/streaminstr-demo.socket",
)

from ddtrace.trace import TraceFilter, tracer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from ddtrace.trace import Span as DatadogSpan


class DatadogRecorder(TraceFilter):
    """A filter that keeps every trace, and lets none pass."""

    setting = "ddtrace"
    options: Mapping[str, Any] = {}

    def __init__(self) -> None:
        self._spans: list[Span] = []
        tracer.configure(trace_processors=[self])

    def process_trace(self, trace: list[DatadogSpan]) -> None:
        self._spans.extend(map(_neutral, trace))

    def span(self, name: str, **attributes: str) -> AbstractContextManager[Any]:
        span = tracer.trace(name)
        span.set_tags(attributes)
        return span

    def spans(self) -> list[Span]:
        return list(self._spans)


def _neutral(span: DatadogSpan) -> Span:
    return Span(
        name=span.resource,
        trace_id=f"{span.trace_id:032x}",
        span_id=f"{span.span_id:016x}",
        parent_id=None if span.parent_id is None else f"{span.parent_id:016x}",
        started_ns=span.start_ns,
        ended_ns=span.start_ns + (span.duration_ns or 0),
        attributes={**span.get_tags(), **span.get_metrics()},
    )
