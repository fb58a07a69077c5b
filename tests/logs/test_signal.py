"""`bind_extra_stream_metadata`: a team's own fields, on the span and the logger."""

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import log_site
from log_lines import in_mode, line, values
from streaminstr.django.signals import bind_extra_stream_metadata
from streaminstr_opentelemetry import OpenTelemetryBackend


@pytest.fixture
def spans():
    """Spans that have ended, in a site on OpenTelemetry."""
    in_mode("contextvars")
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with log_site.site([], BACKEND=OpenTelemetryBackend(tracer_provider=provider)):
        yield exporter.get_finished_spans


@pytest.fixture
def receive():
    """Connects receivers for one test."""
    connected = []

    def connect(receiver):
        connected.append(receiver)
        bind_extra_stream_metadata.connect(receiver)

    yield connect
    for receiver in connected:
        bind_extra_stream_metadata.disconnect(receiver)


def tenant(sender, request, response, stream, **more):
    stream.set_attribute("tenant", f"{sender.__name__} {request.path} {response.status_code}")


def breaks(**arguments):
    raise ValueError("the receiver's")  # noqa: EM101, TRY003 - a test's


@pytest.mark.parametrize("url", ["/stuff/global/", "/stuff/own/"])
def test_a_field_is_on_the_span_each_line_and_the_closing_event(spans, receive, url):
    receive(tenant)
    log_site.by_wsgi(url)
    expected = f"StreamingHttpResponse {url} 200"
    assert values("Yielding...", "tenant") == [(expected,)] * 3
    assert line("stream_closed")["tenant"] == expected
    assert spans()[0].attributes["tenant"] == expected


def test_a_receiver_that_raises_is_reported_and_the_others_and_the_body_go_on(
    spans, receive, caplog
):
    receive(breaks)
    receive(tenant)
    assert log_site.by_wsgi("/stuff/global/") == [b"0", b"1", b"2"]
    assert line("stream_closed")["tenant"].startswith("Streaming")
    reported = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "the receiver's" in reported[0].getMessage()
