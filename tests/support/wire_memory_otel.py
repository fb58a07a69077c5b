"""OpenTelemetry's SDK in this process."""

from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from streaminstr_opentelemetry import OpenTelemetryBackend
from wire_nodes import of_opentelemetry


class OpenTelemetry:
    def __init__(self, **options):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self.tracer = self.provider.get_tracer("test")
        self.backend = OpenTelemetryBackend(
            tracer_provider=self.provider, meter_provider=self.meters, **options
        )

    def request(self, name="request"):
        return self.tracer.start_as_current_span(name)

    def current(self):
        context = trace.get_current_span().get_span_context()
        return context.span_id or None

    @property
    def raw(self):
        return self.exporter.get_finished_spans()

    @property
    def nodes(self):
        return [node_of(span) for span in self.raw]

    def node(self, name="s"):
        (found,) = [node for node in self.nodes if node.name == name]
        return found

    def log_ids(self, node):
        (span,) = [span for span in self.raw if span.context.span_id == node.span_id]
        return {
            "trace_id": f"{span.context.trace_id:032x}",
            "span_id": f"{span.context.span_id:016x}",
            "trace_flags": f"{span.context.trace_flags:02x}",
        }

    @property
    def points(self):
        """Data points by the name of their metric."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: (metric, list(metric.data.data_points))
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@contextmanager
def global_provider(provider):
    """Make `provider` the global one for a while: OpenTelemetry lets it be set only once."""
    before = trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE._done
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE._done = None, False
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE._done = before


def node_of(span):
    return of_opentelemetry(
        {
            "name": span.name,
            "trace_id": span.context.trace_id,
            "span_id": span.context.span_id,
            "parent_id": span.parent and span.parent.span_id,
            "links": [link.context.span_id for link in span.links],
            "is_error": span.status.status_code is StatusCode.ERROR,
            "exceptions": sum(event.name == "exception" for event in span.events),
            "start_ns": span.start_time,
            "end_ns": span.end_time,
        },
        span.attributes,
    )
