"""What only Datadog has: operations and resources, services, tags and metrics, sampling."""

import ast
import inspect

import pytest
from ddtrace.trace import Context, tracer

import streaminstr
import streaminstr_ddtrace


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


def test_ddtrace_trace_alone_is_imported():
    """docs: versioning. Everything else in ddtrace may change in any release."""
    tree = ast.parse(inspect.getsource(streaminstr_ddtrace))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in modules if name.startswith("ddtrace")} == {"ddtrace.trace"}
