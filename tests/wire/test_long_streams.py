"""Long streams hold nothing hostage: the request's span is sent while its stream is open."""

import pytest

from wire_agent import until

AT_ONCE = {"DD_TRACE_PARTIAL_FLUSH_MIN_SPANS": "1"}
"""What docs/how-to/long-streams.md says for ddtrace."""


@pytest.fixture(params=["ddtrace", "grpc"])
def vendor(request):
    return request.param


def paused(start, vendor, story, **environment):
    run = start(vendor, story, **environment)
    run.wait_for_pause()
    return run


def request_and_stream(run):
    nodes = {node.name: node for node in run.nodes(count=2)}
    return nodes["request"], nodes["long"]


def test_stream_that_begins_after_the_request(start, vendor):
    run = paused(start, vendor, "late")
    until(lambda: run.names() == {"request"})
    run.go_on()
    request, stream = request_and_stream(run)
    assert (stream.parent_id, stream.trace_id) == (request.span_id, request.trace_id)


def test_stream_that_begins_within_the_request(start, vendor):
    run = paused(start, vendor, "long", **AT_ONCE)
    until(lambda: run.names() == {"request"})
    run.go_on()
    request, stream = request_and_stream(run)
    assert (stream.parent_id, stream.trace_id) == (request.span_id, request.trace_id)


def test_linked_stream_is_a_trace_of_its_own(start, vendor):
    """With ddtrace the request is sent without partial flush, too: its trace is complete."""
    run = paused(start, vendor, "linked")
    until(lambda: run.names() == {"request"})
    run.go_on()
    request, stream = request_and_stream(run)
    assert (stream.parent_id, stream.links) == (None, (request.span_id,))
    assert stream.trace_id != request.trace_id


def test_ddtrace_holds_the_request_back_by_default(start):
    """Why the how-to names an option; should ddtrace change, the how-to may be shortened."""
    run = paused(start, "ddtrace", "long")
    assert run.names() == set()
    run.go_on()
    assert len(run.nodes(count=2)) == 2
