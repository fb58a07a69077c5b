"""Each stream of a rolling restart has its span at the receiver, once: none ends unsent."""

import asyncio
from collections import Counter

import pytest

from deploy_kinds import KINDS
from deploy_restart import roll
from wire_agent import until

CLIENTS = 30
PROTOCOLS = {"ddtrace": "ddtrace", "opentelemetry": "http"}
"""What the agent calls the way by which each of them sends."""


@pytest.mark.parametrize("vendor", PROTOCOLS)
def test_each_stream_has_its_span(agent, vendor, tmp_path):
    session = f"rolling-restart-{vendor}"
    agent.begin(PROTOCOLS[vendor], session)
    where = {**agent.environment(PROTOCOLS[vendor], session), "DEPLOY_VENDOR": vendor}
    rolled = roll(KINDS["uvicorn h11"], clients=CLIENTS, folder=tmp_path, vendor=where)
    streams = [stream.connection.path for stream in asyncio.run(rolled).streams]

    def spans():
        return [node.attributes.get("url.path") for node in agent.nodes(PROTOCOLS[vendor], session)]

    until(lambda: len(spans()) >= len(streams))
    assert Counter(spans()) == Counter(streams)
