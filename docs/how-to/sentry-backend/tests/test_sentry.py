"""The Sentry backend passes the contract, and is found by its name."""

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

import streaminstr
from streaminstr.testing import BackendContract, SpanView


class Memory(Transport):
    """Keeps what would be sent to Sentry."""

    def __init__(self):
        super().__init__()
        self.spans, self.events = [], []

    def capture_envelope(self, envelope):
        for item in envelope.items:
            if item.type == "span":
                self.spans += item.payload.json["items"]
            else:
                self.events.append(item.payload.json)


@pytest.fixture(autouse=True)
def memory():
    transport = Memory()
    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1",
        transport=transport,
        traces_sample_rate=1.0,
        trace_lifecycle="stream",
    )
    yield transport
    sentry_sdk.get_client().close()


class TestSentry(BackendContract):
    has_links = False  # the SDK has none
    has_start_time = False  # a span begins when it is made, and cannot be dated back

    @pytest.fixture(autouse=True)
    def _memory(self, memory):
        self.memory = memory

    def make_backend(self):
        return "sentry"

    def current_span_id(self):
        span = sentry_sdk.traces.get_current_span()
        return span and span.span_id

    def mark_error(self):
        sentry_sdk.traces.get_current_span().status = "error"

    def finished(self, backend):
        sentry_sdk.flush()
        return [self.view(span) for span in self.memory.spans]

    def view(self, span):
        attributes = span["attributes"].items()
        return SpanView(
            name=span["name"],
            span_id=span["span_id"],
            trace_id=span["trace_id"],
            parent_id=span.get("parent_span_id"),
            start_ns=None,
            attributes={name: attribute["value"] for name, attribute in attributes},
            is_error=span["status"] != "ok",
            exceptions=self.exceptions(span["span_id"]),
        )

    def exceptions(self, span_id):
        errors = [event for event in self.memory.events if "exception" in event]
        return sum(error["contexts"]["trace"]["span_id"] == span_id for error in errors)


def test_it_is_found_by_name(memory):
    streaminstr.configure(backend="sentry")
    list(streaminstr.stream([b"one", b"two"], name="orders.export"))
    sentry_sdk.flush()
    (span,) = memory.spans
    assert span["name"] == "orders.export"
    assert span["attributes"]["streaminstr.chunks"]["value"] == 2
