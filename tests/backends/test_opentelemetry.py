"""What only OpenTelemetry has: scopes, kinds, status, providers that come late or never."""

import gc
import subprocess
import sys
from contextlib import suppress
from enum import IntEnum, StrEnum
from weakref import ref

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode

import streaminstr
from streaminstr_opentelemetry import SCHEMA_URL, OpenTelemetryBackend
from wire_memory_otel import OpenTelemetry, global_provider


@pytest.fixture
def run(otel, force):
    """Run a stream to its end and give its span."""

    def run(body=(b"one",), *, attributes=None, **options):
        force(otel.backend, **options)
        with suppress(ValueError):
            list(streaminstr.stream(body, name="s", attributes=attributes))
        return otel.raw[-1]

    return run


def failing():
    yield b"one"
    message = "no such order"
    raise ValueError(message)


class Shop(StrEnum):
    NORTH = "north"


class Floor(IntEnum):
    FIRST = 1


@pytest.mark.parametrize("value", [Shop.NORTH, Floor.FIRST, True])
def test_a_value_of_a_kind_of_text_or_number_is_written_as_it_is(value, run):
    assert run(attributes={"shop": value}).attributes["shop"] == value


def test_instrumentation_scope(run):
    scope = run().instrumentation_scope
    assert (scope.name, scope.version) == ("streaminstr", streaminstr.__version__)
    assert scope.schema_url == SCHEMA_URL


def test_kind_is_internal(run):
    assert run().kind is SpanKind.INTERNAL


def test_status_is_left_unset_and_never_ok(run):
    """docs/specs/otel/trace/api: libraries do not set Ok."""
    assert run().status.status_code is StatusCode.UNSET


def test_status_describes_the_failure(run):
    status = run(failing()).status
    assert (status.status_code, status.description) == (
        StatusCode.ERROR,
        "ValueError: no such order",
    )


def test_exception_is_one_event(run):
    (event,) = run(failing()).events
    assert event.attributes["exception.message"] == "no such order"


def test_samplers_see_the_attributes_of_the_start(force):
    seen = []

    class Curious:
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, *rest):
            seen.append(dict(attributes))
            return ALWAYS_ON.should_sample(parent_context, trace_id, name)

    force(OpenTelemetryBackend(tracer_provider=TracerProvider(sampler=Curious()), metrics=False))
    list(streaminstr.stream([b""], name="s", attributes={"http.route": "a/"}))
    assert [one.pop("streaminstr.stream_id") != "" for one in seen] == [True]
    assert seen == [{"http.route": "a/"}]


def test_span_that_is_not_sampled_costs_nothing_at_the_end(otel, force, monkeypatch):
    force(OpenTelemetryBackend(tracer_provider=TracerProvider(sampler=ALWAYS_OFF), metrics=False))
    monkeypatch.setattr("streaminstr_opentelemetry._description", None)
    with pytest.raises(ValueError, match="no such order"):
        list(streaminstr.stream(failing()))


def test_link_mode_keeps_the_baggage(otel, force):
    force(otel.backend, parent="link")
    token = context.attach(baggage.set_baggage("tenant", "shop"))
    body = streaminstr.stream((baggage.get_baggage("tenant").encode() for _ in "1"), name="s")
    context.detach(token)
    assert list(body) == [b"shop"]


def test_provider_may_come_after_the_backend_and_after_the_first_stream(force):
    """The tracer of the API is a proxy: a worker that sets the SDK up late loses nothing more."""
    force("opentelemetry")
    list(streaminstr.stream([b""], name="before"))
    late = OpenTelemetry()
    with global_provider(late.provider):
        list(streaminstr.stream([b""], name="after"))
    assert [span.name for span in late.raw] == ["after"]


def test_without_an_sdk_there_are_no_ids(force):
    force("opentelemetry")
    fields = []
    list(streaminstr.stream(fields.append(streaminstr.current_stream().fields) for _ in "1"))
    assert fields == [{}]


def test_without_an_sdk_the_ids_are_what_the_api_makes_of_a_remote_parent(force):
    """docs/specs/otel/trace/api: it hands the parent's SpanContext on; older ones did not."""
    force("opentelemetry")
    remote = NonRecordingSpan(SpanContext(0xAB, 0xCD, is_remote=True))
    token = context.attach(trace.set_span_in_context(remote))
    handed_on = trace.NoOpTracer().start_span("any").get_span_context()
    body = streaminstr.stream(streaminstr.current_stream().fields for _ in "1")
    context.detach(token)
    (fields,) = body
    assert fields.get("span_id", "0" * 16) == trace.format_span_id(handed_on.span_id)


def test_the_api_alone_is_imported():
    code = (
        "import sys, streaminstr\n"
        "streaminstr.configure(backend='opentelemetry')\n"
        "list(streaminstr.stream([b'']))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    out = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code], capture_output=True, check=True, env={}, timeout=60
    )
    assert out.stdout.splitlines()[-1] == b"[]"


def test_flush_asks_the_providers():
    asked = []

    class Provider(TracerProvider):
        def force_flush(self, timeout_millis=30000):
            asked.append(timeout_millis)

    OpenTelemetryBackend(tracer_provider=Provider()).flush(1.5)
    OpenTelemetryBackend(tracer_provider=Provider(), metrics=False).flush(0.5)
    assert asked == [1500, 500]


def test_flush_without_an_sdk_does_nothing():
    OpenTelemetryBackend().flush(1.0)


def test_an_open_stream_does_not_hold_the_requests_span(otel, force):
    """Several KB for each open stream: the span has all its attributes."""
    force(otel.backend)
    with otel.request() as span:
        request = ref(span)
        made = streaminstr.stream([b"one", b"two"], name="s")
        next(made)
    del span
    gc.collect()
    assert request() is None
    made.close()
