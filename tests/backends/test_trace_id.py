"""`trace_id`, which RATIO asks, is that of the current trace; without one there is none."""

import pytest

import streaminstr
from streaminstr.types import SupportsTraceId


def test_both_backends_know_the_current_trace(vendor):
    assert isinstance(vendor.backend, SupportsTraceId)
    assert vendor.backend.trace_id() is None
    with vendor.request():
        trace_id = vendor.backend.trace_id()
    assert trace_id % 2**64 == vendor.node("request").trace_id
    assert vendor.backend.trace_id() is None


@pytest.mark.parametrize(("ratio", "count"), [(0.0, 0), (1.0, 1)])
def test_a_share_of_the_traces(ratio, count, vendor, force):
    force({"BACKEND": vendor.backend, "RATIO": ratio})
    with vendor.request():
        list(streaminstr.stream([b"a"], name="s"))
    assert len([node for node in vendor.nodes if node.name == "s"]) == count


def test_it_keeps_the_traces_that_opentelemetrys_own_sampler_keeps(otel, force):
    """A stream is kept if its trace is: shares are not multiplied by each other."""
    sampling = pytest.importorskip("opentelemetry.sdk.trace.sampling")
    sampler = sampling.TraceIdRatioBased(0.3)
    force({"BACKEND": otel.backend, "RATIO": 0.3})
    for _ in range(200):
        with otel.request():
            list(streaminstr.stream([b"a"], name="s"))
    kept = {node.trace_id for node in otel.nodes if node.name == "s"}
    decisions = {
        node.trace_id: sampler.should_sample(None, node.trace_id, "s").decision
        for node in otel.nodes
    }
    sampled = {one for one, decision in decisions.items() if decision is not sampling.Decision.DROP}
    assert kept == sampled
    assert 0 < len(kept) < 200
