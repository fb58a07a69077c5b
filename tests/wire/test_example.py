"""The example project with each vendor, chosen by the environment alone, into a real receiver."""

import pytest

import example_chat
from wire_agent import until


@pytest.mark.parametrize(("backend", "vendor"), [("opentelemetry", "http"), ("ddtrace", "ddtrace")])
def test_an_answer_and_the_model_below_it_arrive(agent, tmp_path, backend, vendor):
    session = f"example-{backend}"
    agent.begin(vendor, session)
    environment = agent.environment(vendor, session)
    with example_chat.served("uvicorn", tmp_path, CHAT_BACKEND=backend, **environment) as site:
        assert list(site.events("why"))[-1] == "data: [DONE]"
    nodes = until(lambda: len(found := agent.nodes(vendor, session)) >= 2 and found)
    ids = {node.name: node for node in nodes}
    assert {node.name for node in nodes} == {"GET answer/", "model"}
    assert ids["model"].parent_id == ids["GET answer/"].span_id
