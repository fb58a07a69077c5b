"""A real receiver, and the scenario run against it.

The receiver's executable is in TESTS_AGENT, as `nox -s wire` sets it: it has an
environment of its own. Without it the tests of this folder are skipped.
"""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

import wire_agent

SCENARIO = Path(__file__).parent / "scenario.py"
VENDORS = ("ddtrace", "grpc", "http")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(SCENARIO.parent):
            item.add_marker(pytest.mark.wire)


@pytest.fixture(scope="session")
def agent(tmp_path_factory):
    executable = os.environ.get("TESTS_AGENT")
    if not executable:
        pytest.skip("TESTS_AGENT is not set: run `nox -s wire`")
    with wire_agent.running(executable, tmp_path_factory.mktemp("agent")) as agent:
        yield agent


class Run:
    """One process of the scenario, and what of it has arrived."""

    def __init__(self, agent, vendor, session, process):
        self.agent, self.vendor, self.session = agent, vendor, session
        self.process = process

    def nodes(self, *, count):
        """What has arrived, once there are `count` spans."""
        wire_agent.until(lambda: len(self.so_far()) >= count)
        return self.so_far()

    def so_far(self):
        return self.agent.nodes(self.vendor, self.session)

    def names(self):
        return {node.name for node in self.so_far()}

    def wait_for_pause(self):
        said = self.process.stdout.readline()
        assert said == "paused\n", self.process.stderr.read()

    def go_on(self):
        _, errors = self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0, errors


@pytest.fixture(scope="session")
def start(agent):
    """Start a story on a vendor."""
    numbers = count()
    started = []

    def start(vendor, story, **environment):
        session = f"{vendor}-{story}-{next(numbers)}"
        agent.begin(vendor, session)
        clean = {key: value for key, value in os.environ.items() if key[:3] not in ("DD_", "OTE")}
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(SCENARIO), vendor, story],
            env={**clean, **agent.environment(vendor, session), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return Run(agent, vendor, session, process)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def told(start):
    """A story told to its end, once for each vendor."""
    known = {}

    def told(vendor, story):
        if (vendor, story) not in known:
            run = known[vendor, story] = start(vendor, story)
            run.go_on()
        return known[vendor, story]

    return told
