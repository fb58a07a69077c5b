"""The Sentry backend passes the contract, and is found by its name."""

from datetime import datetime

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

import streaminstr
from streaminstr.testing import BackendContract, SpanView


class Memory(Transport):
    """Keeps what would be sent to Sentry."""

    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        self.events += [item.payload.json for item in envelope.items if item.payload.json]


@pytest.fixture(autouse=True)
def memory():
    transport = Memory()
    sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=transport, traces_sample_rate=1.0)
    yield transport
    sentry_sdk.get_client().close()


class TestSentry(BackendContract):
    has_links = False  # of a transaction: Sentry has links for spans that it streams alone

    @pytest.fixture(autouse=True)
    def _memory(self, memory):
        self.memory = memory

    def make_backend(self):
        return "sentry"

    def current_span_id(self):
        span = sentry_sdk.get_current_span()
        return span and span.span_id

    def mark_error(self):
        sentry_sdk.get_current_span().set_status("internal_error")

    def finished(self, backend):
        events = self.memory.events
        return [self.view(event) for event in events if event.get("type") == "transaction"]

    def view(self, event):
        trace = event["contexts"]["trace"]
        started = datetime.fromisoformat(event["start_timestamp"])
        return SpanView(
            name=event["transaction"],
            span_id=trace["span_id"],
            trace_id=trace["trace_id"],
            parent_id=trace.get("parent_span_id"),
            start_ns=int(started.timestamp() * 1e9),
            attributes=trace["data"],
            is_error=trace["status"] != "ok",
            exceptions=self.exceptions(trace["span_id"]),
        )

    def exceptions(self, span_id):
        errors = [event for event in self.memory.events if "exception" in event]
        return sum(error["contexts"]["trace"]["span_id"] == span_id for error in errors)


def test_it_is_found_by_name(memory):
    streaminstr.configure(backend="sentry")
    list(streaminstr.stream([b"one", b"two"], name="orders.export"))
    (event,) = memory.events
    assert event["transaction"] == "orders.export"
    assert event["contexts"]["trace"]["data"]["streaminstr.chunks"] == 2
