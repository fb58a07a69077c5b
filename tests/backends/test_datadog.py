"""What only Datadog has: operations and resources, services, tags and metrics, sampling."""

import ast
import inspect
from contextvars import copy_context

import pytest
from ddtrace.trace import Context, tracer

import streaminstr
import streaminstr_ddtrace

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


@pytest.fixture
def run(datadog, force):
    """Run a stream to its end and give its span."""

    def run(body=(b"one",), **attributes):
        force(datadog.backend)
        list(streaminstr.stream(body, name="GET orders/", attributes=attributes))
        return datadog.raw[-1]

    return run


def test_operation_resource_and_type(run):
    span = run()
    assert (span.name, span.resource, span.span_type) == (
        "streaminstr.stream",
        "GET orders/",
        "web",
    )


def test_component_and_kind(run):
    span = run()
    assert (span.get_tag("component"), span.get_tag("span.kind")) == ("streaminstr", "internal")


@pytest.mark.parametrize("parent", ["child", "link"])
def test_service_is_that_of_the_request(datadog, force, parent):
    """A stream is no service of its own: one that sets `service` makes one."""
    force(datadog.backend, parent=parent)
    with datadog.request():
        body = streaminstr.stream([b""], name="s")
    list(body)
    assert {span.service for span in datadog.raw} == {"shop"}


def test_service_without_a_request_is_the_default(datadog, run):
    with tracer.trace("other") as other:
        pass
    assert run().service == other.service


def test_numbers_are_metrics_and_the_status_code_is_a_tag(run):
    span = run(**{"http.response.status_code": 200, "rows": 3, "gzip": False})
    assert (span.get_metric("rows"), span.get_metric("streaminstr.bytes")) == (3, 3)
    assert (span.get_tag("http.status_code"), span.get_tag("gzip")) == ("200", "false")


def test_failure_has_message_and_stack(datadog, force):
    force(datadog.backend)
    with pytest.raises(KeyError):
        list(streaminstr.stream({}[name] for name in ["missing"]))
    (span,) = datadog.raw
    assert span.get_tag("error.message") == "'missing'"
    assert "Traceback" in span.get_tag("error.stack")


def test_parent_in_another_process(datadog, force):
    force(datadog.backend)
    tracer.context_provider.activate(Context(trace_id=0xAB, span_id=0xCD))
    body = streaminstr.stream([b""], name="s")
    tracer.context_provider.activate(None)
    list(body)
    assert (datadog.node().trace_id, datadog.node().parent_id) == (0xAB, 0xCD)


def test_sampling_is_decided_by_the_request(datadog, force):
    """Before the stream's span is there: by then the request's span has its resource."""
    force(datadog.backend)
    with datadog.request() as request:
        body = streaminstr.stream([b"one"], name="s")
        assert request.context.sampling_priority is None
        next(body)
        decided = request.context.sampling_priority
        assert decided is not None
    body.close()
    assert datadog.raw[-1].context.sampling_priority == decided


def test_decision_of_others_is_kept(datadog, force):
    force(datadog.backend)
    with datadog.request() as request:
        request.context.sampling_priority = -1
        list(streaminstr.stream([b"one"], name="s"))
    assert [span.context.sampling_priority for span in datadog.raw] == [-1, -1]


def test_request_is_sent_before_its_stream(datadog, force):
    """Where its span ends before the first step, as WSGI servers have it."""
    force(datadog.backend)
    with datadog.request():
        body = streaminstr.stream([b""], name="s")
    assert [span.resource for span in datadog.raw] == ["request"]
    list(body)


class Unprintable:
    def __str__(self):
        message = "has no text"
        raise ValueError(message)


ODD = {
    "huge": {"odd": 10**400},
    "too long for text": {"odd": 10**5000},
    "over 64 bits": {"odd": 2**70},
    "unprintable": {"odd": Unprintable()},
    "a number for a name": {1: "odd"},
    "none": {"odd": None},
    "not a number": {"odd": float("nan")},
    "surrogate": {"odd": "a\ud800b"},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_attribute_loses_neither_the_others_nor_the_trace(name, datadog, force):
    """The trace of the request, which ddtrace sends when all of its spans have finished."""
    force(datadog.backend, log_levels=SILENT)
    with datadog.request():
        list(streaminstr.stream([b"one"], name="s", attributes={**ODD[name], "shop": "north"}))
    request, stream = datadog.raw
    assert (request.resource, stream.get_tag("shop")) == ("request", "north")
    assert stream.get_tag("streaminstr.outcome") == "completed"
    assert encoded(datadog.raw)


def encoded(spans):
    """The trace as ddtrace writes it to its agent; raises where it cannot be written."""
    encoders = pytest.importorskip("ddtrace.internal.encoding")
    encoder = encoders.MSGPACK_ENCODERS["v0.5"](1 << 20, 1 << 20)
    encoder.put(spans)
    return encoder.encode()


def test_an_error_whose_text_cannot_be_written_does_not_lose_the_trace(datadog, force):
    def body():
        yield b"one"
        message = "a\ud800b"
        raise ValueError(message)

    force(datadog.backend)
    with datadog.request(), pytest.raises(ValueError, match=r"a.b"):
        list(streaminstr.stream(body(), name="s\ud800"))
    assert datadog.raw[1].get_tag("error.message") == "a?b"
    assert encoded(datadog.raw)


class Unreadable:
    def keys(self):
        message = "no keys"
        raise LookupError(message)


def test_a_start_that_raises_finishes_the_span(datadog):
    info = streaminstr.StreamInfo(name="s", attributes=Unreadable())
    with datadog.request():
        scope = datadog.backend.open(info)
        with pytest.raises(LookupError):
            copy_context().run(scope.start)
    assert [span.resource for span in datadog.raw] == ["request", "s"]


def test_ddtrace_trace_alone_is_imported():
    """docs: versioning. Everything else in ddtrace may change in any release."""
    tree = ast.parse(inspect.getsource(streaminstr_ddtrace))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in modules if name.startswith("ddtrace")} == {"ddtrace.trace"}
