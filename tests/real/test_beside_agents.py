"""Sentry, Elastic's and New Relic's agent at work beside us: what they report is as without us."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from real_beside import VISITS

SUPPORT = Path(__file__).parents[1] / "support"
NAMES = [f"{program} {ending}" for program, endings in VISITS for ending in endings]
OUTCOMES = {"full": "completed", "fails": "failed"}


def run(agent, *who):
    """All visits in one process, since an agent patches what it instruments for good."""
    paths = [str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(SUPPORT / "real_beside.py"), agent, *who],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        timeout=100,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["sentry", "elastic", "newrelic"])
def visits(request):
    """By name: each visit without us and with us."""
    plain, ours = run(request.param), run(request.param, "ours")
    return {name: (plain[name], ours[name]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_reported_twice(name, visits):
    plain, ours = visits[name]
    assert plain["reports"]
    assert sorted(ours["reports"]) == sorted(plain["reports"])


@pytest.mark.parametrize("name", NAMES)
def test_the_response_is_the_same(name, visits):
    plain, ours = visits[name]
    assert ours["seen"] == plain["seen"]
    assert not Counter(ours["trouble"]) - Counter(plain["trouble"])


@pytest.mark.parametrize("name", NAMES)
def test_there_is_one_scope(name, visits):
    (stream,) = visits[name][1]["streams"]
    assert stream.partition(" ")[0] == OUTCOMES.get(name.split()[-1], "cancelled")
