"""The vendors, set up so that a span costs what it costs, and none is sent anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bodies import Silent
from ddtrace.trace import TraceFilter, tracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from streaminstr_ddtrace import DatadogBackend
from streaminstr_opentelemetry import OpenTelemetryBackend

if TYPE_CHECKING:
    from ddtrace.trace import Span

provider = TracerProvider(sampler=ALWAYS_ON)


class Dropped(TraceFilter):
    """Counts the spans of finished traces and drops them before they are encoded."""

    spans = 0

    def process_trace(self, trace: list[Span]) -> None:
        self.spans += len(trace)


dropped = Dropped()
tracer.configure(trace_processors=[dropped])


def counting_provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    """An SDK that keeps its spans, to be counted."""
    exporter = InMemorySpanExporter()
    counted = TracerProvider(sampler=ALWAYS_ON)
    counted.add_span_processor(SimpleSpanProcessor(exporter))
    return counted, exporter


BACKENDS: dict[str, Any] = {
    "no vendor": Silent(),
    "log": "log",
    "OpenTelemetry, no SDK": OpenTelemetryBackend(),
    "OpenTelemetry SDK": OpenTelemetryBackend(tracer_provider=provider),
    "ddtrace": DatadogBackend(),
}
