"""Both vendors, each with the log fields of the spans that it has finished."""

from __future__ import annotations

from contextlib import contextmanager

from ddtrace.trace import TraceFilter, tracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streaminstr_ddtrace import DatadogBackend
from streaminstr_opentelemetry import OpenTelemetryBackend


@contextmanager
def opentelemetry():
    """A backend, and a function that gives the log fields of its finished spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield (
        OpenTelemetryBackend(tracer_provider=provider),
        lambda: [_of_opentelemetry(span.context) for span in exporter.get_finished_spans()],
    )


def _of_opentelemetry(context):
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "trace_flags": f"{context.trace_flags:02x}",
    }


class _Capture(TraceFilter):
    def __init__(self):
        self.spans = []

    def process_trace(self, trace):
        self.spans += trace


@contextmanager
def ddtrace():
    """The same of Datadog; its fields are those that its own log injection gives for the span."""
    capture = _Capture()
    tracer.configure(trace_processors=[capture])
    try:
        yield (
            DatadogBackend(),
            lambda: [_of_datadog(span) for span in capture.spans],
        )
    finally:
        tracer.configure(trace_processors=[])


def _of_datadog(span):
    fields = tracer.get_log_correlation_context(active=span)
    # ddtrace before 4.0 leaves the prefix to its own processor.
    return {f"dd.{name.removeprefix('dd.')}": value for name, value in fields.items() if value}
