"""The OpenTelemetry backend on ddtrace's own implementation of the API (DD_TRACE_OTEL_ENABLED)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wire_nodes import of_datadog

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bridged():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
    options = {
        "PYTHONPATH": str(TESTS / "support"),
        "DD_TRACE_OTEL_ENABLED": "true",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_TRACE_STARTUP_LOGS": "false",
    }
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(TESTS / "wire" / "bridge.py")],
        capture_output=True,
        env={**kept, **options},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    spans, complaints = json.loads(done.stdout.splitlines()[-1])
    return [of_datadog(span) for span in spans], complaints


@pytest.fixture
def named(bridged):
    return lambda name: [node for node in bridged[0] if node.name == name]


def test_nobody_complains(bridged):
    assert bridged[1] == []


def test_child_of_a_request_that_has_ended(named):
    (child,), request = named("child_of_request"), named("request")[0]
    assert child.parent_id == request.span_id


def test_linked_to_the_request(named):
    (linked,), request = named("linked"), named("request")[1]
    assert (linked.parent_id, linked.links) == (None, (request.span_id,))


def test_spans_of_the_body_are_its_children(named):
    assert named("step")[0].parent_id == named("child_of_request")[0].span_id


def test_failure_has_our_error_type(named):
    """The bridge's own is `builtins.ValueError`."""
    (child,) = named("child_of_request")
    assert (child.is_error, child.error_type, child.exceptions) == (True, "ValueError", 1)
    assert child["streaminstr.outcome"] == "failed"
