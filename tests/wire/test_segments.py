"""A long stream is sent in segments, the first of them while it is open."""

import pytest

from wire_agent import until
from wire_nodes import TIMES

OWN = {"streaminstr.segment", "streaminstr.chunks", "streaminstr.bytes", "streaminstr.outcome"}


@pytest.fixture(params=["ddtrace", "grpc", "http"])
def run(request, start):
    return start(request.param, "segments")


def of_stream(nodes):
    return sorted(
        (node for node in nodes if node.name == "long"),
        key=lambda node: node["streaminstr.segment"],
    )


def facts(node):
    return {name: node.attributes[name] for name in OWN if name in node.attributes}


def test_segments(run):
    run.wait_for_pause()
    until(lambda: run.names() >= {"request", "long"})  # of a stream that is open
    (first,) = of_stream(run.so_far())
    assert facts(first) == {
        "streaminstr.segment": 0,
        "streaminstr.chunks": 1,
        "streaminstr.bytes": 3,
    }
    run.go_on()
    nodes = run.nodes(count=9)
    stream = of_stream(nodes)
    assert [facts(node) for node in stream[1:]] == [
        {"streaminstr.segment": 1, "streaminstr.chunks": 1, "streaminstr.bytes": 3},
        {"streaminstr.segment": 2, "streaminstr.chunks": 4, "streaminstr.bytes": 12},
        {
            "streaminstr.segment": 3,
            "streaminstr.chunks": 7,
            "streaminstr.bytes": 21,
            "streaminstr.outcome": "completed",
        },
    ]
    (request,) = [node for node in nodes if node.name == "request"]
    assert {(node.trace_id, node.parent_id) for node in stream} == {
        (request.trace_id, request.span_id)
    }
    ids = [node.span_id for node in stream]
    assert [node.links for node in stream] == [(), *[(one,) for one in ids[:-1]]]
    above = {node.name: node.parent_id for node in nodes if node.name.startswith("query")}
    assert above == {f"query {number + 1}": one for number, one in enumerate(ids)}


def test_both_vendors_have_the_same_attributes(start):
    trees = []
    for vendor in ("ddtrace", "grpc"):
        run = start(vendor, "segments")
        run.wait_for_pause()
        run.go_on()
        trees.append(
            [
                {name: value for name, value in node.attributes.items() if name not in TIMES}
                for node in of_stream(run.nodes(count=9))
            ]
        )
    assert trees[0] == trees[1]
