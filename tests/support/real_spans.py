"""Where spans go in these tests, and what the programs say about themselves."""

from __future__ import annotations

from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streaminstr.testing import RecordingBackend
from streaminstr_opentelemetry import OpenTelemetryBackend

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
EXPORTER = InMemorySpanExporter()
PROVIDER = TracerProvider(shutdown_on_exit=False)
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))
TRACER = PROVIDER.get_tracer("program")
notes = []


def note(text):
    """Remember that the program has come here, by a span as well."""
    notes.append(text)
    with TRACER.start_as_current_span("note"):
        pass


def current():
    """The name of the span that is current here."""
    return getattr(trace.get_current_span(), "name", None)


class Recorder:
    """Both backends of one visit, and what they know after it."""

    def __init__(self):
        EXPORTER.clear()
        notes.clear()
        self.recording = RecordingBackend()
        opentelemetry = OpenTelemetryBackend(tracer_provider=PROVIDER, metrics=False)
        self.backends = [self.recording, opentelemetry]

    @property
    def spans(self):
        return EXPORTER.get_finished_spans()

    @property
    def streams(self):
        """Outcome and cause of each stream that was started."""
        return [_ending(stream) for stream in self.recording.started]

    def parents(self, name):
        """The names of the parents of all spans of that name."""
        names = {span.context.span_id: span.name for span in self.spans}
        return {
            names.get(span.parent.span_id) if span.parent else None
            for span in self.spans
            if span.name == name
        }


def _ending(stream):
    if stream.report is None:
        return "open"
    by = stream.report.cancelled_by
    return f"{stream.outcome}{f' by {by}' if by else ''}"


@contextmanager
def request_span(name="request"):
    with TRACER.start_as_current_span(name):
        yield


def asgi_with_span(app):
    """An ASGI application inside of a span of its request, as its instrumentation has it."""

    async def spanned(scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        with request_span():
            return await app(scope, receive, send)

    return spanned


def wsgi_with_span(app):
    """A WSGI application whose request's span ends with the call."""

    def spanned(environ, start_response):
        with request_span():
            return app(environ, start_response)

    return spanned
