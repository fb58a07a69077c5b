"""What the body has recorded of an error on its own span stands, at each vendor."""

import sys
from contextvars import copy_context

import pytest
from ddtrace.trace import tracer
from opentelemetry import trace
from opentelemetry.trace import StatusCode

import streaminstr

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


def upstream():
    message = "upstream"
    raise LookupError(message)


def mark(vendor):
    """Record an error on the current span as an application does, by the vendor's own means."""
    try:
        upstream()
    except LookupError as error:
        if vendor == "datadog":
            tracer.current_span().set_exc_info(*sys.exc_info())
        else:
            span = trace.get_current_span()
            span.record_exception(error)
            span.set_attribute("error.type", "builtins.LookupError")
            span.set_status(StatusCode.ERROR, "upstream")


@pytest.fixture
def marked(request, vendor):
    """A body that has an error in its first chunk, and goes on."""
    name = request.node.callspec.params["vendor"]

    def body():
        mark(name)
        yield b"event: error"
        yield b"the end"

    return body()


def test_a_stream_that_completes_stays_an_error(vendor, stream, marked):
    list(stream(marked))
    assert vendor.node().is_error
    assert vendor.node().error_type == "builtins.LookupError"
    assert vendor.node().exceptions == 1


@pytest.mark.parametrize("cancelled_is_error", [False, True])
def test_so_does_one_that_is_left(vendor, stream, marked, cancelled_is_error):
    made = stream(marked, cancelled_is_error=cancelled_is_error)
    next(made)
    made.close()
    assert vendor.node().is_error
    assert vendor.node().error_type == "builtins.LookupError"


def test_a_flag_that_was_set_by_hand_stays(datadog, force):
    def body():
        tracer.current_span().error = 1
        yield b"event: error"

    force(datadog.backend)
    list(streaminstr.stream(body(), name="s"))
    assert datadog.raw[0].error == 1


def test_a_description_that_the_body_gave_stays(otel, force):
    def body():
        trace.get_current_span().set_status(StatusCode.ERROR, "upstream")
        yield b"event: error"

    force(otel.backend, cancelled_is_error=True)
    made = streaminstr.stream(body(), name="s")
    next(made)
    made.close()
    assert otel.raw[0].status.description == "upstream"


def naming(error=None):
    streaminstr.current_stream().set_attribute("error.type", "UpstreamTimeout")
    yield b"one"
    if error:
        raise error


def test_an_error_type_of_ones_own_is_kept_where_the_stream_completes(vendor, stream):
    list(stream(naming()))
    assert vendor.node().error_type == "UpstreamTimeout"
    assert not vendor.node().is_error


def test_it_is_kept_where_the_stream_fails(vendor, stream):
    with pytest.raises(KeyError):
        list(stream(naming(KeyError("k"))))
    assert vendor.node().error_type == "UpstreamTimeout"
    assert vendor.node().is_error


def test_it_is_kept_where_the_stream_is_cancelled_and_that_counts_as_an_error(vendor, stream):
    made = stream(naming(), cancelled_is_error=True)
    next(made)
    made.close()
    assert vendor.node().error_type == "UpstreamTimeout"


def test_the_metrics_have_it_too(otel, force):
    force(otel.backend)
    with pytest.raises(KeyError):
        list(streaminstr.stream(naming(KeyError("k")), name="s"))
    (_, [point]) = otel.points["streaminstr.stream.duration"]
    assert point.attributes["error.type"] == "UpstreamTimeout"


def test_one_that_is_no_text_is_not_the_type(vendor, stream):
    def body():
        streaminstr.current_stream().set_attribute("error.type", 7)
        yield b"one"
        raise KeyError

    with pytest.raises(KeyError):
        list(stream(body()))
    assert vendor.node().error_type == "KeyError"


class Unprintable:
    def __str__(self):
        message = "has no text"
        raise ValueError(message)


def test_an_odd_attribute_loses_nothing_at_opentelemetry(otel, force):
    odd = {"huge": 10**400, "long": 10**5000, "object": Unprintable(), "text": "a\ud800b"}

    def body():
        for name, value in odd.items():
            streaminstr.current_stream().set_attribute(f"{name}_set", value)
        yield b"one"

    force(otel.backend, log_levels=SILENT)
    list(streaminstr.stream(body(), name="s", attributes=odd))
    attributes = otel.raw[0].attributes
    assert attributes["streaminstr.outcome"] == "completed"
    for suffix in ("", "_set"):
        assert attributes[f"huge{suffix}"] == str(10**400)
        assert attributes[f"long{suffix}"] == attributes[f"object{suffix}"] == "?"
        assert attributes[f"text{suffix}"] == "a?b"


def test_a_start_that_raises_ends_the_span_at_opentelemetry(otel, monkeypatch):
    def refuse(info):
        raise LookupError

    monkeypatch.setattr(otel.backend.metrics, "opened", refuse)
    scope = otel.backend.open(streaminstr.StreamInfo(name="s"))
    with pytest.raises(LookupError):
        copy_context().run(scope.start)
    assert [span.name for span in otel.raw] == ["s"]
