"""What an author of the first-party backends would write to run the contract on them."""

from ddtrace.trace import TraceFilter, tracer
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import CollectorRegistry

from streaminstr import metrics
from streaminstr.testing import (
    BackendContract,
    MetricsContract,
    MetricView,
    RecordingBackend,
    SpanView,
)
from streaminstr_ddtrace import DatadogBackend
from streaminstr_opentelemetry import OpenTelemetryBackend
from streaminstr_prometheus import PrometheusBackend


class RecordingContract(BackendContract):
    has_start_time = False
    has_own_errors = False

    def make_backend(self):
        self.recording = RecordingBackend()
        return self.recording

    def current_span_id(self):
        recording = getattr(self, "recording", None)
        return recording and recording.current and recording.current.span_id

    def finished(self, backend):
        return [view for stream in self.recording.closed for view in views_of_recorded(stream)]


class OpenTelemetryContract(BackendContract):
    def make_backend(self):
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        return OpenTelemetryBackend(tracer_provider=provider)

    def current_span_id(self):
        context = trace.get_current_span().get_span_context()
        return trace.format_span_id(context.span_id) if context.is_valid else None

    def mark_error(self):
        trace.get_current_span().set_status(StatusCode.ERROR, "by the body")

    def finished(self, backend):
        return [view_of_opentelemetry(span) for span in self.exporter.get_finished_spans()]


class DatadogContract(BackendContract):
    def make_backend(self):
        self.capture = Capture()
        tracer.configure(trace_processors=[self.capture])
        return DatadogBackend()

    def teardown_method(self):
        tracer.configure(trace_processors=[])

    def current_span_id(self):
        span = tracer.current_span()
        return span and str(span.span_id)

    def mark_error(self):
        tracer.current_span().error = 1

    def finished(self, backend):
        return [view_of_datadog(span) for span in self.capture.spans]


class WithoutSpans(BackendContract):
    """Nothing can be looked at, and nothing is raised."""

    can_read_back = False
    has_current_span = False
    has_log_fields = False
    has_parents = False
    has_links = False
    has_start_time = False
    has_exceptions = False
    has_own_errors = False


class Capture(TraceFilter):
    """Keeps what has finished, and lets nothing go on to the writer."""

    def __init__(self):
        self.spans = []

    def process_trace(self, trace):
        self.spans += trace


def views_of_recorded(stream):
    ids = [*stream.segment_ids, stream.span_id]
    reports = [*stream.segment_reports, stream.report]
    before = [stream.link and stream.link.span_id, *ids]
    for span_id, report, link in zip(ids, reports, before, strict=False):
        yield SpanView(
            name=stream.name,
            span_id=span_id,
            trace_id=stream.trace_id,
            parent_id=stream.parent and stream.parent.span_id,
            links=(link,) if link else (),
            attributes={**stream.info.as_attributes(), **report.as_attributes()},
            is_error=report.is_error,
            exceptions=int(report.error is not None),
        )


def view_of_opentelemetry(span):
    return SpanView(
        name=span.name,
        span_id=trace.format_span_id(span.context.span_id),
        trace_id=trace.format_trace_id(span.context.trace_id),
        parent_id=span.parent and trace.format_span_id(span.parent.span_id),
        links=tuple(trace.format_span_id(link.context.span_id) for link in span.links),
        start_ns=span.start_time,
        attributes=span.attributes,
        is_error=span.status.status_code is StatusCode.ERROR,
        exceptions=sum(event.name == "exception" for event in span.events),
    )


def view_of_datadog(span):
    links = getattr(span, "_get_links", lambda: span._links)  # there is no public way to read them
    return SpanView(
        name=span.resource,
        span_id=str(span.span_id),
        trace_id=f"{span.trace_id:032x}",
        parent_id=span.parent_id and str(span.parent_id),
        links=tuple(str(link.span_id) for link in links()),
        start_ns=span.start_ns,
        attributes={**span.get_tags(), **span.get_metrics()},
        is_error=bool(span.error),
        exceptions=int("error.stack" in span.get_tags()),
    )


class OpenTelemetryMetricsContract(MetricsContract):
    def make_backend(self):
        self.reader = InMemoryMetricReader()
        provider = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        return OpenTelemetryBackend(meter_provider=provider)

    def points(self, backend):
        data = self.reader.get_metrics_data()
        return [
            view_of_point(metric.name, point)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]


def view_of_point(name, point):
    is_histogram = hasattr(point, "bucket_counts")
    return MetricView(
        name=name,
        attributes=point.attributes,
        value=point.sum if is_histogram else point.value,
        count=point.count if is_histogram else None,
    )


class PrometheusMetricsContract(MetricsContract):
    def make_backend(self):
        self.registry = CollectorRegistry()
        return PrometheusBackend(registry=self.registry)

    def points(self, backend):
        return views_of_samples(self.registry.collect())


def views_of_samples(families):
    """The series of all families of prometheus_client, under the names of streaminstr.metrics."""
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    for metric in metrics.METRICS:
        plain = metric.name.replace(".", "_") + {"s": "_seconds", "By": "_bytes"}.get(
            metric.unit, ""
        )
        ends = {"counter": "_total", "gauge": "", "histogram": "_sum"}[metric.kind]
        names = {name.replace(".", "_"): name for name in metric.attributes}
        for (name, labels), value in samples.items():
            if name == plain + ends:
                yield MetricView(
                    name=metric.name,
                    attributes={names[label]: text for label, text in labels},
                    value=value,
                    count=samples.get((f"{plain}_count", labels)),
                )
