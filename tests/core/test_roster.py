"""The roster in one process: its table, what it remembers, and requests to close a stream."""

import itertools
import threading

import pytest

from streaminstr import _configure, stream
from streaminstr._core.life import open_lives
from streaminstr._process import memory as remembered
from streaminstr._process import progress
from streaminstr._process.memory import MOST_ENDED, MOST_SAMPLES
from streaminstr._process.roster import Roster, RosterBackend
from streaminstr._process.rows import CloseResult, Sample
from streaminstr.testing import RecordingBackend
from streaminstr.types import OpenStream

FACTS = {"http.route": "orders/", "http.request.method": "GET"}


@pytest.fixture
def roster(monkeypatch):
    """A roster that is on, with nothing remembered."""
    made = Roster(is_on=True)
    monkeypatch.setattr("streaminstr._process.roster.memory", remembered._Memory())
    config = _configure.Config(backends=(RecordingBackend(), RosterBackend(made)))
    with _configure.forced(config):
        yield made


def opened(body=(b"one", b"two", b"three"), **options):
    made = stream(body, **{"name": "orders.export", "attributes": FACTS, **options})
    next(made)
    return made


def in_steps(*ages):
    return [OpenStream(id="a", name="a", age=age, chunks=int(age)) for age in ages]


def test_without_the_setting_it_sees_what_is_open_here():
    with opened() as made, _configure.forced(_configure.Config(backends=(RecordingBackend(),))):
        alone = _configure.roster()
        (row,) = alone.table().rows
        assert (alone.is_on, row.id) == (False, made._life.handle.id)


def test_what_has_ended_is_remembered(roster):
    with opened() as made:
        next(made)
    (one,) = roster.table().ended
    assert (one.id, one.name, one.worker) == (
        made._life.handle.id,
        "orders.export",
        roster.table().workers[0].name,
    )
    assert (one.route, one.method, one.outcome, one.chunks) == ("orders/", "GET", "cancelled", 2)


def test_the_newest_end_comes_first_and_the_oldest_ones_are_forgotten(roster):
    for number in range(MOST_ENDED + 1):
        opened(name=str(number)).close()
    names = [one.name for one in roster.table().ended]
    assert names == [str(number) for number in range(MOST_ENDED, 0, -1)]


def test_a_stream_is_closed_by_its_id(roster):
    made = opened(itertools.repeat(b"one"))
    server = threading.Thread(target=list, args=(made,))
    server.start()
    assert roster.request_close(made._life.handle.id, "stuck", timeout=30) is CloseResult.CLOSED
    server.join(30)
    (one,) = roster.table().ended
    assert (one.outcome, one.cancelled_by, one.close_reason) == ("cancelled", "server", "stuck")


def test_one_that_is_not_open_is_gone(roster):
    assert roster.request_close("0" * 16) is CloseResult.GONE


def test_one_whose_server_takes_no_step_has_been_asked(roster):
    with opened() as made:
        assert roster.request_close(made._life.handle.id, timeout=0) is CloseResult.ASKED


def test_one_that_does_not_end_in_time_has_been_asked(roster):
    asked, answered = threading.Event(), threading.Event()

    def body():
        asked.set()
        answered.wait(30)
        yield b"one"

    made = stream(body(), name="waits")
    server = threading.Thread(target=list, args=(made,))
    server.start()
    assert asked.wait(30)
    assert roster.request_close(made._life.handle.id, timeout=0.05) is CloseResult.ASKED
    answered.set()
    server.join(30)


def test_the_thread_takes_samples_of_what_is_open(roster):
    with opened() as made:
        due = roster.look(open_lives())
        assert due > progress.clock()
        (sample,) = roster.timeline(made._life.handle.id)
        assert (sample.chunks, sample.bytes) == (1, 3)
    roster.look(())
    assert roster.timeline(made._life.handle.id) == ()


def test_a_timeline_is_spread_over_the_whole_life():
    memory = remembered._Memory()
    for age in range(1000):
        memory.sample(in_steps(float(age)))
    ages = [sample.age for sample in memory.timeline("a")]
    gaps = {later - earlier for earlier, later in itertools.pairwise(ages)}
    assert len(ages) <= MOST_SAMPLES
    assert (ages[0], len(gaps), ages[-1] > 900) == (0.0, 1, True)


def test_a_sample_says_what_was_sent_by_then():
    memory = remembered._Memory()
    memory.sample(in_steps(3.0))
    assert memory.timeline("a") == (Sample(age=3.0, chunks=3, bytes=0, idle=0.0),)
