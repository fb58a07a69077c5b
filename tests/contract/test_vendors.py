"""The first-party backends pass the contract, with no privilege."""

import logging

import pytest
import structlog
from ddtrace.trace import tracer
from prometheus_client import CollectorRegistry

from contract_vendors import (
    Capture,
    DatadogContract,
    OpenTelemetryContract,
    OpenTelemetryMetricsContract,
    PrometheusMetricsContract,
    RecordingContract,
    WithoutSpans,
)
from streaminstr import Outcome, StreamReport
from streaminstr.log import LogBackend
from streaminstr.testing import BackendContract, SpanView
from streaminstr_ddtrace import DatadogBackend
from streaminstr_opentelemetry import OpenTelemetryBackend
from streaminstr_prometheus import PrometheusBackend


class TestRecording(RecordingContract):
    pass


class TestOpenTelemetry(OpenTelemetryContract):
    pass


class TestDatadog(DatadogContract):
    pass


class TestOpenTelemetryMetrics(OpenTelemetryMetricsContract):
    pass


class TestPrometheusMetrics(PrometheusMetricsContract):
    pass


class TestOpenTelemetryWithoutSDK(WithoutSpans):
    def make_backend(self):
        return OpenTelemetryBackend()


class TestPrometheus(WithoutSpans):
    def make_backend(self):
        return PrometheusBackend(registry=CollectorRegistry())


class TestBothReadFromOpenTelemetry(OpenTelemetryContract):
    @pytest.fixture(autouse=True)
    def _no_writer(self):
        tracer.configure(trace_processors=[Capture()])
        yield
        tracer.configure(trace_processors=[])

    def make_backend(self):
        return [super().make_backend(), DatadogBackend()]


class TestBothReadFromDatadog(DatadogContract):
    def make_backend(self):
        return [OpenTelemetryBackend(), super().make_backend()]


class LogContract(BackendContract):
    """Events have the numbers of a span, and no place in a tree."""

    has_current_span = False
    has_log_fields = False
    has_parents = False
    has_links = False
    has_start_time = False
    has_exceptions = False
    has_own_errors = False

    def make_backend(self):
        return LogBackend()


class TestStructlog(LogContract):
    @pytest.fixture(autouse=True)
    def _captured(self):
        with structlog.testing.capture_logs() as self.events:
            yield

    def finished(self, backend):
        return [view_of_event(event) for event in self.events]


class TestStandardLogging(LogContract):
    @pytest.fixture(autouse=True)
    def _captured(self, caplog, monkeypatch):
        monkeypatch.setattr("streaminstr.log.structured.installed", lambda: None)
        caplog.set_level(logging.INFO, "streaminstr")
        self.caplog = caplog

    def finished(self, backend):
        return [view_of_event(vars(record)) for record in self.caplog.records if is_closing(record)]


def is_closing(record):
    return record.getMessage().startswith("stream_closed")


def view_of_event(event):
    return SpanView(name=event["stream"], attributes=event, is_error="error.type" in event)


class Rosy:
    """A copy of a backend that takes every end for a completion."""

    def __init__(self, backend):
        self.backend = backend

    def open(self, info):
        return RosyScope(self.backend.open(info))


class RosyScope:
    def __init__(self, scope):
        self.scope = scope
        self.start = scope.start

    def close(self, report):
        self.scope.close(StreamReport(outcome=Outcome.COMPLETED))


@pytest.mark.parametrize("promise", ["failed", "cancelled", "abandoned", "numbers", "async_failed"])
@pytest.mark.parametrize("vendor", [RecordingContract, OpenTelemetryContract, DatadogContract])
def test_a_copy_that_breaks_a_promise_fails(vendor, promise, request):
    request.addfinalizer(lambda: tracer.configure(trace_processors=[]))

    def make_backend(self):
        return Rosy(vendor.make_backend(self))

    contract = type("Copy", (vendor,), {"make_backend": make_backend})()
    with pytest.raises(AssertionError, match=rf"^{promise}: .* Put report\.as_attributes\(\)"):
        getattr(contract, f"test_{promise}")()
