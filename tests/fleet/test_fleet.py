"""Two hosts of four workers, a load, a rolling restart: counters, gauge, roster and traces agree.

Needs Debian's redis-server and prometheus: `nox -s fleet`, in under eight minutes.
"""

import shutil
from collections import Counter
from contextlib import ExitStack

import pytest

import fleet
import real_services
from streaminstr.command.receiver import Receiver
from wire_agent import until

pytestmark = pytest.mark.fleet
OPEN = "sum(streaminstr_active_streams)"
OPENED = "sum(streaminstr_streams_opened_total)"
CLOSED = "sum by ({}) (streaminstr_streams_closed_total)"
HELD = 4
"""Streams of each kind that are held open on each host."""


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def running(tmp_path, stack):
    """The fleet: its hosts, Prometheus and what the tracers send to."""
    for needed in ("redis-server", "prometheus"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not there: install Debian's, and run `nox -s fleet`")
    receiver = stack.enter_context(Receiver())
    redis = stack.enter_context(real_services.redis())
    environment = {**receiver.environment, "FLEET_REDIS": f"redis://127.0.0.1:{redis}"}
    hosts = [fleet.Host(name, tmp_path, environment) for name in ("a", "b")]
    for host in hosts:
        host.start()
        stack.callback(host.kill)
    prometheus = stack.enter_context(fleet.Prometheus(tmp_path, hosts))
    return hosts, prometheus, receiver


def hold(visits, host, stack):
    """Streams that stay open: some end by themselves as the host drains, the others are cut."""
    for path, seen in (("polite", ("completed", None)), ("endless", ("cancelled", "server"))):
        for _ in range(HELD):
            client, visit = visits.begin(host, path)
            stack.enter_context(client)
            visits.saw(visit, *seen)


def test_all_that_is_counted_agrees_with_what_the_clients_saw(running, stack):
    hosts, prometheus, receiver = running
    visits = fleet.Visits()
    for host in hosts:
        hold(visits, host, stack)
    held = len(visits.expected)

    # Nothing else is open: the gauge and the roster know the same streams.
    assert held == 2 * 2 * HELD
    until(lambda: prometheus.query(OPEN) == held)

    with fleet.load(visits, hosts):
        for host in hosts:
            before = len(visits.expected)
            until(lambda before=before: len(visits.expected) > before + 20, seconds=60)
            host.stop()  # what is held there ends, or is cut after the grace
            host.start()
    expected = visits.expected
    total = len(expected)

    # Counters and gauge.
    until(lambda: prometheus.query(OPENED) == total)
    until(lambda: prometheus.query(OPEN) == 0)
    until(
        lambda: (
            sum(prometheus.by("streaminstr_outcome", CLOSED.format("streaminstr_outcome")).values())
            == total
        )
    )
    outcomes = Counter(outcome for outcome, _ in expected.values())
    assert prometheus.by("streaminstr_outcome", CLOSED.format("streaminstr_outcome")) == outcomes
    causes = Counter(cause or "" for _, cause in expected.values())
    assert (
        prometheus.by("streaminstr_cancelled_by", CLOSED.format("streaminstr_cancelled_by"))
        == causes
    )
    assert prometheus.query("streaminstr:leaked") == 0
    assert "StreamsLeak" not in prometheus.firing()

    # Traces: each stream once, with the end that its client saw.
    until(lambda: len(fleet.streams_of(receiver)) == total)
    streams = fleet.streams_of(receiver)
    assert {visit: len(spans) for visit, spans in streams.items() if len(spans) > 1} == {}
    seen = {
        visit: (
            span.attributes["streaminstr.outcome"],
            span.attributes.get("streaminstr.cancelled_by"),
        )
        for visit, (span,) in streams.items()
    }
    assert seen == expected

    # The metrics of OpenTelemetry, of all workers that there were.
    duration = "streaminstr.stream.duration"
    until(lambda: sum(fleet.counted_by_opentelemetry(receiver, duration).values()) == total)
    assert fleet.counted_by_opentelemetry(receiver, duration) == outcomes
    assert set(fleet.counted_by_opentelemetry(receiver, "streaminstr.active_streams").values()) == {
        0
    }
