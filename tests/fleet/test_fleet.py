"""Two hosts of four workers, a load, a rolling restart: counters, gauge, roster and traces agree.

Needs Debian's redis-server and prometheus: `nox -s fleet`, in under eight minutes.
"""

import shutil
from collections import Counter
from contextlib import ExitStack

import pytest

import fleet
import real_services
from fleet import is_as_seen
from streaminstr.command.receiver import Receiver
from wire_agent import until

pytestmark = pytest.mark.fleet
OPEN = "sum(streaminstr_active_streams)"
OPENED = "sum(streaminstr_streams_opened_total)"
CLOSED = "sum(streaminstr_streams_closed_total)"
ACTIVE = "streaminstr.active_streams"
DURATION = "streaminstr.stream.duration"
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
    until(lambda: len(fleet.roster(hosts[0])) == held)
    assert {row["id"] for row in fleet.roster(hosts[0])} == {
        row["id"] for row in fleet.roster(hosts[1])
    }

    with fleet.load(visits, hosts):
        for host in hosts:
            before = len(visits.expected)
            until(lambda before=before: len(visits.expected) > before + 20, seconds=60)
            host.stop()  # what is held there ends, or is cut after the grace
            host.start()
    expected = visits.expected

    # Traces: each stream once, with the end that its client saw.
    until(lambda: prometheus.query(OPENED) == len(fleet.streams_of(receiver)) >= len(expected))
    ends = fleet.ends_of(fleet.streams_of(receiver))
    total = len(ends)
    assert ends.keys() - visits.unsure == expected.keys()
    seen = {visit: ends[visit] for visit in expected}
    assert [visit for visit in seen if not is_as_seen(seen[visit], expected[visit])] == []

    # Counters and gauge: the same ends, by outcome and by who cancelled them.
    until(lambda: prometheus.query(OPEN) == 0)
    until(lambda: prometheus.query(CLOSED) == total)
    outcomes = Counter(outcome for outcome, _ in ends.values())
    assert prometheus.by("streaminstr_outcome", CLOSED) == outcomes
    causes = Counter(cause or "" for _, cause in ends.values())
    assert prometheus.by("streaminstr_cancelled_by", CLOSED) == causes
    assert prometheus.query("streaminstr:leaked") == 0
    assert "StreamsLeak" not in prometheus.firing()

    # The metrics of OpenTelemetry, of all workers that there were.
    until(lambda: sum(fleet.counted_by_opentelemetry(receiver, DURATION).values()) == total)
    assert fleet.counted_by_opentelemetry(receiver, DURATION) == outcomes
    assert set(fleet.counted_by_opentelemetry(receiver, ACTIVE).values()) == {0}

    # The roster: nothing is open any more.
    until(lambda: fleet.roster(hosts[0]) == [])
