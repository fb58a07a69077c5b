"""Beside the vendors' own instrumentation: no second scope, and parents as they should be.

Each case is a process of its own, in which one request is served under WSGI and one under ASGI.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "django_vendors.py"
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
}
BOTH = ["ddtrace", "opentelemetry"]
NEEDED = {"ddtrace", "opentelemetry-instrumentation-django", "opentelemetry-instrumentation-asgi"}
MISSING = sorted(NEEDED - {distribution.name for distribution in distributions()})
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def serve(backend, requests, *, bridge=False):
    """What was recorded, by protocol, and what the system check said."""
    asked = {"backend": backend, "requests": requests, "bridge": bridge}
    environ = {**os.environ, **QUIET, "DD_TRACE_OTEL_ENABLED": str(bridge).lower()}
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), json.dumps(asked)],
        capture_output=True,
        check=True,
        env=environ,
        text=True,
        timeout=120,
    )
    return json.loads(done.stdout.splitlines()[-1])


class Tree:
    """The spans of one request."""

    def __init__(self, recorded):
        self.sent = recorded["sent"]
        self.spans = recorded["spans"]
        self.streams = [span for span in self.spans if span["stream"]]

    def names_over(self, span):
        """The names of what is above `span`, nearest first."""
        above = [one for one in self.spans if one["id"] == span["parent"]]
        return [above[0]["name"], *self.names_over(above[0])] if above else []

    def children(self):
        """The names of what the body has made, over which is the stream."""
        ids = [stream["id"] for stream in self.streams]
        return [span for span in self.spans if span["parent"] in ids]


@pytest.mark.parametrize(
    ("backend", "requests", "bridge", "roots"),
    [
        (["ddtrace"], ["ddtrace"], False, ["django.request"]),
        (["ddtrace"], BOTH, True, ["django.request"]),
        (["opentelemetry"], ["opentelemetry"], False, ["GET"]),
        (["opentelemetry"], ["opentelemetry-app"], False, ["GET"]),
        (["opentelemetry"], ["ddtrace"], True, ["django.request"]),
        (BOTH, BOTH, False, ["django.request", "GET"]),
    ],
)
def test_each_backend_has_one_span_below_the_requests(backend, requests, bridge, roots):
    served = serve(backend, requests, bridge=bridge)
    assert served["checks"] == []
    for protocol in ("wsgi", "asgi"):
        tree = Tree(served[protocol])
        assert tree.sent == "ab"
        assert [stream["stream"] for stream in tree.streams] == ["completed"] * len(backend)
        tops = [tree.names_over(stream)[-1].partition(" ")[0] for stream in tree.streams]
        assert tops == roots
        assert len(tree.children()) == 2 * len(backend)
        assert not any(span["error"] for span in tree.spans)


@pytest.mark.parametrize(
    ("backend", "requests"), [("opentelemetry", "ddtrace"), ("ddtrace", "opentelemetry")]
)
def test_a_span_without_its_parent_is_named_by_the_check(backend, requests):
    served = serve([backend], [requests])
    assert served["checks"] == ["streaminstr.W004"]
    for protocol in ("wsgi", "asgi"):
        tree = Tree(served[protocol])
        assert [stream["parent"] for stream in tree.streams] == [None]
        assert len(tree.spans) > 3


def test_a_stream_that_one_vendor_shows_twice_is_named_by_the_check():
    served = serve(BOTH, ["ddtrace"], bridge=True)
    assert served["checks"] == ["streaminstr.W005"]
    for protocol in ("wsgi", "asgi"):
        tree = Tree(served[protocol])
        assert len(tree.streams) == 2
        assert {tree.names_over(stream)[-1] for stream in tree.streams} == {"django.request"}
