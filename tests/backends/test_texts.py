"""What a span is called, how long its texts are, and how much of an exception is on it."""

from contextlib import suppress

import pytest

import streaminstr
from streaminstr import StreaminstrError, _configure, current_stream
from streaminstr.testing import RecordingBackend
from streaminstr.types import Outcome

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


class SecretError(Exception):
    pass


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError


def failing(error=None):
    yield b"one"
    raise error or SecretError("card 4711")


@pytest.fixture
def run(vendor, force):
    """Run a stream to its end and give its span as the vendor has it."""

    def run(body=(b"one",), *, attributes=None, **options):
        force(vendor.backend, log_levels=SILENT, **options)
        with suppress(SecretError, MuteError):
            list(streaminstr.stream(body, name="orders", attributes=attributes))
        (span,) = vendor.raw
        return span

    return run


def texts_of(span):
    """All that is written on a span, of either vendor."""
    events = getattr(span, "events", ())
    written = [span.get_tags()] if hasattr(span, "get_tags") else [span.attributes]
    status = getattr(span, "status", None)
    return str([*written, *(event.attributes for event in events), status and status.description])


# SPAN_NAME


def test_a_span_is_called_as_its_stream(vendor, run):
    run()
    assert vendor.node("orders").name == "orders"


def test_a_span_may_be_told_from_that_of_the_request(vendor, run):
    run(span_name="stream {name} {of} {name}")
    assert [node.name for node in vendor.nodes] == ["stream orders {of} orders"]


def test_what_gets_its_name_later_has_it_in_the_template(force):
    backend = RecordingBackend()
    force(backend, span_name="stream {name}")
    made = streaminstr.stream([b"one"])
    made._life.handle.describe("later", {}, has_started=False)
    assert backend.streams[0].info.span_name == "stream later"


def test_metrics_have_the_name_of_the_stream(otel, force):
    force(otel.backend, span_name="stream {name}")
    list(streaminstr.stream([b"one"], name="orders"))
    (_, [point]) = otel.points["streaminstr.stream.duration"]
    assert point.attributes["streaminstr.name"] == "orders"
    assert [span.name for span in otel.raw] == ["stream orders"]


def test_each_segment_is_called_the_same(vendor, force):
    force(vendor.backend, span_name="stream {name}", segment_interval=60, log_levels=SILENT)
    made = streaminstr.stream([b"1", b"2"], name="orders")
    next(made)
    made._life.handle.progress.segments.ask(made._life)
    list(made)
    assert [node.name for node in vendor.nodes] == ["stream orders"] * 2


# EXCEPTIONS


def test_an_exception_is_there_with_its_stack_trace(vendor, run):
    span = run(failing())
    assert vendor.node("orders").exceptions == 1
    assert "card 4711" in texts_of(span)
    assert "Traceback" in texts_of(span)


def test_its_text_alone(vendor, run):
    span = run(failing(), exceptions="message")
    node = vendor.node("orders")
    assert (node.is_error, node.error_type) == (True, f"{__name__}.SecretError")
    assert "card 4711" in texts_of(span)
    assert "Traceback" not in texts_of(span)


def test_its_type_alone(vendor, run):
    span = run(failing(), exceptions="type")
    node = vendor.node("orders")
    assert (node.is_error, node.error_type) == (True, f"{__name__}.SecretError")
    assert node.exceptions == 0
    assert "card 4711" not in texts_of(span)
    assert "Traceback" not in texts_of(span)


def test_the_event_of_an_exception_without_its_stack_trace(otel, force):
    force(otel.backend, exceptions="message")
    with suppress(SecretError):
        list(streaminstr.stream(failing(), name="orders"))
    (event,) = otel.raw[0].events
    assert event.name == "exception"
    assert event.attributes == {
        "exception.type": f"{__name__}.SecretError",
        "exception.message": "card 4711",
    }
    assert otel.raw[0].status.description == f"{__name__}.SecretError: card 4711"


@pytest.mark.parametrize("exceptions", ["type", "message"])
def test_what_the_body_reports_is_an_exception_too(vendor, run, exceptions):
    def body():
        current_stream().fail(SecretError("card 4711"))
        yield b"one"

    span = run(body(), exceptions=exceptions)
    assert vendor.node("orders").error_type == f"{__name__}.SecretError"
    assert ("card 4711" in texts_of(span)) == (exceptions == "message")


@pytest.mark.parametrize("exceptions", ["type", "message"])
def test_what_the_body_says_itself_stands(vendor, run, exceptions):
    def body():
        current_stream().fail("the upstream is gone", error_type="Gone")
        yield b"one"

    run(body(), exceptions=exceptions)
    node = vendor.node("orders")
    assert (node["streaminstr.reason"], node.error_type) == ("the upstream is gone", "Gone")


def test_an_exception_without_a_text(vendor, run):
    run(failing(MuteError()), exceptions="message")
    assert vendor.node("orders").error_type == f"{__name__}.MuteError"
    streaminstr._calls.guard.errors.clear()


def test_a_span_that_the_body_has_marked_has_the_type_of_what_came_out(otel, force):
    from opentelemetry import trace  # noqa: PLC0415 - one vendor may be absent

    def body():
        trace.get_current_span().set_status(trace.StatusCode.ERROR, "by the body")
        yield b"one"
        raise SecretError

    force(otel.backend, exceptions="type")
    with suppress(SecretError):
        list(streaminstr.stream(body(), name="orders"))
    assert otel.node("orders").error_type == f"{__name__}.SecretError"


@pytest.mark.parametrize(
    ("exceptions", "message"), [("type", None), ("message", "card 4711"), ("stacktrace", None)]
)
def test_what_a_backend_is_told(force, exceptions, message):
    """One that knows nothing of the option records no more than is wanted."""
    backend = RecordingBackend()
    force(backend, exceptions=exceptions)
    with suppress(SecretError):
        list(streaminstr.stream(failing(), name="orders"))
    report = backend.streams[0].report
    assert (report.outcome, report.is_error) == (Outcome.FAILED, True)
    assert (report.error is None) == (exceptions != "stacktrace")
    assert report.error_type == report.exception_type == f"{__name__}.SecretError"
    assert report.exception_message == message


# MAX_ATTRIBUTE_LENGTH


def test_texts_are_cut_wherever_they_come_from(vendor, run):
    def body():
        current_stream().set_attribute("set", "x" * 50)
        current_stream().set_attribute("number", 12345678901234)
        current_stream().fail("y" * 50)
        yield b"one"

    run(body(), attributes={"given": "z" * 50, "ok": "short"}, max_attribute_length=10)
    node = vendor.node("orders")
    assert [node[name] for name in ("set", "given", "ok", "streaminstr.reason")] == [
        *("x" * 10, "z" * 10, "short"),
        "y" * 10,
    ]
    assert node["number"] == 12345678901234


def test_the_text_of_an_exception_is_cut_too(vendor, run):
    span = run(failing(SecretError("x" * 50)), exceptions="message", max_attribute_length=10)
    assert "x" * 10 in texts_of(span)
    assert "x" * 11 not in texts_of(span)


def test_what_an_adapter_adds_to_a_stream_of_the_application_is_cut(force):
    backend = RecordingBackend()
    force(backend, max_attribute_length=4)
    config = _configure.current()
    described = streaminstr._wrap.make_handle(config, "GET a/", {"url.path": "/a/b/c"})
    made = streaminstr.stream([b"one"], name="orders")
    made._life.handle.describe("GET a/", described.info.attributes, has_started=False)
    assert backend.streams[0].info.attributes == {"url.path": "/a/b"}


@pytest.mark.parametrize(
    ("options", "takes"),
    [
        ({"span_name": "stream"}, 'a text with "{name}" in it, such as "stream {name}"'),
        ({"span_name": None}, "a text with"),
        ({"exceptions": "none"}, '"type", "message" or "stacktrace"'),
        ({"exceptions": []}, '"type", "message" or "stacktrace"'),
        ({"max_attribute_length": 0}, "a whole number of characters above 0, or None"),
        ({"max_attribute_length": True}, "a whole number of characters above 0, or None"),
        ({"max_attribute_length": 1.5}, "a whole number of characters above 0, or None"),
    ],
)
def test_values_that_are_refused(options, takes):
    with pytest.raises(StreaminstrError) as error:
        _configure.build("log", **options)
    assert f"It takes {takes}" in str(error.value)
