"""The same stories on both vendors, read back from receivers that are not ours."""

import pytest

from wire_nodes import TIMES

COUNTS = {"ends": 15, "shapes": 20, "flipped": 2}
"""How many spans each story has."""


def tree(nodes):
    """What the vendors must agree on: everything but ids and times, by names."""
    names = {node.span_id: node.name for node in nodes}
    return sorted(
        (
            node.name,
            names.get(node.parent_id, str(node.parent_id)),
            [names.get(link, str(link)) for link in node.links],
            node.is_error,
            str(node.error_type),
            node.exceptions,
            sorted(
                (name, None if name in TIMES else value) for name, value in node.attributes.items()
            ),
        )
        for node in nodes
    )


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("story", COUNTS)
def test_one_tree(told, story, protocol):
    """Names, parents, links, errors, attributes: equal. Times and ids are the vendors' own."""
    count = COUNTS[story]
    trees = [tree(told(vendor, story).nodes(count=count)) for vendor in ("ddtrace", protocol)]
    assert trees[0] == trees[1]
    assert len(trees[0]) == count


@pytest.mark.parametrize("vendor", ["ddtrace", "grpc"])
def test_one_scope_for_each_started_stream(told, vendor):
    nodes = told(vendor, "ends").nodes(count=COUNTS["ends"])
    outcomes = {
        node.name: node["streaminstr.outcome"]
        for node in nodes
        if "streaminstr.outcome" in node.attributes
    }
    assert outcomes == {
        "completed": "completed",
        "failed": "failed",
        "out of stock": "failed",
        "cancelled by client": "cancelled",
        "cancelled by server": "cancelled",
        "cancelled by None": "cancelled",
        "abandoned": "abandoned",
    }


@pytest.mark.parametrize("vendor", ["ddtrace", "grpc"])
def test_each_stream_is_in_the_trace_of_its_request(told, vendor):
    nodes = {node.name: node for node in told(vendor, "ends").nodes(count=COUNTS["ends"])}
    for name, node in nodes.items():
        if request := nodes.get(f"request of {name}"):
            assert (node.parent_id, node.trace_id) == (request.span_id, request.trace_id)


@pytest.mark.parametrize("vendor", ["ddtrace", "grpc"])
def test_file_is_dated_back(told, vendor):
    (file,) = [
        node for node in told(vendor, "shapes").nodes(count=COUNTS["shapes"]) if node.name == "file"
    ]
    assert file.duration_ns >= 10**9


def test_datadogs_own_checks_of_the_protocol(told):
    run = told("ddtrace", "ends")
    run.nodes(count=COUNTS["ends"])
    checks = run.agent.checks(run.session)
    assert {name for name, done in checks.items() if done["Passed_Checks"]} == set(checks)
    assert [name for name, done in checks.items() if done["Failed_Checks"]] == []


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_metrics_arrive(told, protocol):
    run = told(protocol, "ends")
    assert run.agent.metric_names(run.session) == {
        "streaminstr.active_streams",
        "streaminstr.stream.body.size",
        "streaminstr.stream.duration",
        "streaminstr.stream.time_to_first_chunk",
        "streaminstr.streams.closed",
        "streaminstr.streams.opened",
    }
