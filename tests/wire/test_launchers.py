"""The site as people start it, with the vendors' own launchers, into receivers of both.

Nothing in the site sets a vendor up. What is asserted of both launchers without the variable, and
in the other order, is why docs/how-to/swap-datadog-for-opentelemetry.md names them;
test_swap_guide.py follows its own commands.
"""

import os
import sys
from itertools import count
from pathlib import Path

import pytest

from server_process import Client, Kind, Server
from wire_agent import until

SCRIPTS = Path(sys.executable).parent
GUNICORN = (
    *("gunicorn", "-k", "gthread", "-b", "{host}:{port}", "-c", "{config}"),
    "django.core.wsgi:get_wsgi_application()",
)
MENDED = {"DD_TRACE_AGENT_PROTOCOL_VERSION": "v0.4"}
"""What the how-to has: ddtrace speaks its own protocol, whatever OpenTelemetry's variables say."""
STREAMS = 3
FIRST_OPENTELEMETRY = ("opentelemetry-instrument", "ddtrace-run")
FIRST_DATADOG = ("ddtrace-run", "opentelemetry-instrument")
SLOW = pytest.mark.slow
"""Each start takes seconds: CI has two of them, and `.ci/full` the others."""
numbers = count()


class Run:
    """One start of the site, three streams and its end."""

    def __init__(self, agent, folder, launchers, backends, **environment):
        self.agent, self.session = agent, f"launched-{next(numbers)}"
        for vendor in ("ddtrace", "http"):
            agent.begin(vendor, self.session)
        environment |= {
            **agent.environment("ddtrace", self.session),
            **agent.environment("http", self.session),
            "DJANGO_SETTINGS_MODULE": "launched_settings",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "PATH": os.pathsep.join([str(SCRIPTS), os.environ["PATH"]]),
            "SHOP_BACKEND": backends,
        }
        first, *rest = launchers
        kind = Kind("gunicorn", "wsgi", (str(SCRIPTS / first), *rest, *GUNICORN))
        with Server(kind, net=True, folder=folder, environment=environment) as server:
            for number in range(STREAMS):
                with Client(server.address, f"/export/{number}/") as client:
                    assert client.read_all().startswith(b"HTTP/1.1 200")
            server.terminate()
            server.wait_for_end()

    def streams(self, vendor):
        """The spans of streams that have arrived, and the parents of each that have, too."""
        nodes = self.agent.nodes(vendor, self.session)
        streams = [node for node in nodes if "streaminstr.outcome" in node.attributes]
        ids = {(node.trace_id, node.span_id) for node in nodes}
        under_a_request = [one for one in streams if (one.trace_id, one.parent_id) in ids]
        return len(streams), len(under_a_request)

    def arrived(self, vendor, expected=STREAMS):
        until(lambda: self.streams(vendor)[0] >= expected)
        return self.streams(vendor)


@pytest.fixture
def run(agent, tmp_path):
    missing = [
        name
        for name in ("gunicorn", "ddtrace-run", "opentelemetry-instrument")
        if not (SCRIPTS / name).exists()
    ]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}: run `nox -s wire`")
    return lambda launchers, backends, **more: Run(agent, tmp_path, launchers, backends, **more)


@SLOW
def test_ddtrace_run_alone(run):
    done = run(["ddtrace-run"], "ddtrace")
    assert done.arrived("ddtrace") == (STREAMS, STREAMS)
    assert done.streams("http") == (0, 0)


@SLOW
def test_opentelemetry_instrument_alone(run):
    done = run(["opentelemetry-instrument"], "opentelemetry")
    assert done.arrived("http") == (STREAMS, STREAMS)
    assert done.streams("ddtrace") == (0, 0)


@pytest.mark.parametrize(
    "picked",
    [
        "ddtrace,opentelemetry",
        pytest.param("ddtrace", marks=SLOW),
        pytest.param("opentelemetry", marks=SLOW),
    ],
)
def test_both_with_the_variable_and_each_step_of_the_swap(run, picked):
    """Each vendor has each stream that it was picked for, once and under its own request."""
    done = run(FIRST_OPENTELEMETRY, picked, **MENDED)
    for backend, vendor in (("ddtrace", "ddtrace"), ("opentelemetry", "http")):
        expected = STREAMS if backend in picked.split(",") else 0
        assert done.arrived(vendor, expected) == (expected, expected)


@SLOW
def test_the_variable_counts_wherever_it_is_set(run):
    """Between the launchers, as `env` has it, it is seen by ddtrace alone."""
    between = [f"{name}={value}" for name, value in MENDED.items()]
    done = run(
        ["opentelemetry-instrument", "env", *between, "ddtrace-run"], "ddtrace,opentelemetry"
    )
    assert done.arrived("ddtrace") == done.arrived("http") == (STREAMS, STREAMS)


@pytest.mark.parametrize(
    "launchers", [FIRST_OPENTELEMETRY, pytest.param(FIRST_DATADOG, marks=SLOW)], ids="-".join
)
def test_without_the_variable_datadog_gets_nothing_and_otlp_each_stream_twice(run, launchers):
    """Since ddtrace 4.8. Should that change, the how-to may be shortened, and the check go."""
    done = run(launchers, "ddtrace,opentelemetry")
    assert done.arrived("http", 2 * STREAMS)[0] == 2 * STREAMS
    assert done.streams("ddtrace") == (0, 0)


@SLOW
def test_in_the_other_order_datadog_has_no_requests(run):
    """OpenTelemetry's launcher takes the place of ddtrace's: its streams have no parent."""
    done = run(FIRST_DATADOG, "ddtrace,opentelemetry", **MENDED)
    assert done.arrived("ddtrace") == (STREAMS, 0)
    assert done.arrived("http") == (STREAMS, STREAMS)
