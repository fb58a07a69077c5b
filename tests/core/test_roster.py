"""The roster: its table, what a process remembers for it, and requests to other processes."""

import itertools
import json
import threading
import time

import pytest

import roster_fakes as fakes
from roster_fakes import BrokenStore, MemoryStore, ended, id_of, opened, page, row
from streaminstr import _configure
from streaminstr._core.life import open_lives
from streaminstr._process import progress, requests
from streaminstr._process.memory import MOST_ENDED, MOST_SAMPLES, _Memory
from streaminstr._process.others import UNREACHABLE
from streaminstr._process.page import decode
from streaminstr._process.roster import Roster
from streaminstr._process.rows import CloseResult, Sample
from streaminstr.testing import RecordingBackend


@pytest.fixture
def alone():
    with fakes.remembering() as roster:
        yield roster


@pytest.fixture
def clock(monkeypatch):
    """A clock of the roster's that stands still."""
    now = [1000.0]
    monkeypatch.setattr("streaminstr._process.roster.clock", lambda: now[0])
    return now


# One process


def test_without_the_setting_it_sees_what_is_open_here(backend):
    with opened() as made:
        roster = _configure.roster()
        (one,) = roster.table().rows
        assert (roster.is_on, one.id) == (False, made._life.handle.id)


def test_a_process_without_streams_is_not_in_the_table():
    assert (Roster().table().workers, Roster().table().rows) == ((), ())


def test_what_has_ended_is_remembered(alone):
    with opened() as made:
        next(made)
    table = alone.table()
    (one,), (worker,) = table.ended, table.workers
    assert (one.id, one.name, one.worker) == (made._life.handle.id, "export", worker.name)
    assert (one.route, one.method, one.outcome, one.chunks) == ("orders/", "GET", "cancelled", 2)


def test_what_is_no_text_is_no_route(alone):
    opened(attributes={"http.route": 7}).close()
    assert alone.table().ended[0].route is None


def test_the_newest_end_comes_first_and_the_oldest_ones_are_forgotten(alone):
    for number in range(MOST_ENDED + 1):
        opened(name=str(number)).close()
    names = [one.name for one in alone.table().ended]
    assert names == [str(number) for number in range(MOST_ENDED, 0, -1)]


def test_one_that_ends_while_they_are_read_is_no_error():
    class Changes(list):
        tries = 0

        def __iter__(self):
            self.tries += 1
            if self.tries == 1:
                raise RuntimeError
            return super().__iter__()

    memory = _Memory()
    memory.ended = Changes([ended(1)])
    assert memory.last_ended() == (ended(1),)


def test_a_stream_is_closed_by_its_id(alone):
    made = opened(itertools.repeat(b"one"))
    server = threading.Thread(target=list, args=(made,))
    server.start()
    assert alone.request_close(made._life.handle.id, "stuck", timeout=30) is CloseResult.CLOSED
    server.join(30)
    (one,) = alone.table().ended
    assert (one.outcome, one.cancelled_by, one.close_reason) == ("cancelled", "server", "stuck")


def test_one_that_is_not_open_is_gone(alone):
    assert alone.request_close(id_of(1)) is CloseResult.GONE


def test_one_whose_server_takes_no_step_has_been_asked(alone):
    with opened() as made:
        assert alone.request_close(made._life.handle.id, timeout=0.01) is CloseResult.ASKED


def test_the_background_thread_looks_for_the_roster(alone):
    with opened():
        assert progress._clockwork.looks["roster"] == alone.look


def test_a_look_that_fails_is_repeated(errors, monkeypatch):
    monkeypatch.setattr(progress._clockwork, "looks", {"roster": lambda _: 1 / 0})
    assert 0 < progress.show_due() <= 1
    assert "ZeroDivisionError" in next(iter(errors))


# The samples of a stream


def in_steps(*ages):
    return [row(0, age=age, chunks=int(age)) for age in ages]


def test_a_timeline_is_spread_over_the_whole_life():
    memory = _Memory()
    for age in range(1000):
        memory.sample(in_steps(float(age)))
    ages = [sample.age for sample in memory.timelines()[id_of(0)]]
    gaps = {later - earlier for earlier, later in itertools.pairwise(ages)}
    assert len(ages) <= MOST_SAMPLES
    assert (ages[0], len(gaps), ages[-1] > 900) == (0.0, 1, True)


def test_a_sample_says_what_was_sent_by_then():
    memory = _Memory()
    memory.sample(in_steps(3.0))
    assert memory.timelines() == {id_of(0): (Sample(age=3.0, chunks=3, bytes=0, idle=0.0),)}


def test_samples_end_with_their_stream():
    memory = _Memory()
    memory.sample(in_steps(3.0))
    memory.sample([])
    assert memory.timelines() == {}


# The page of this process


def test_a_page_is_written_while_anything_is_open(alone):
    store = MemoryStore()
    with opened() as made:
        Roster(store).look(open_lives())
        (text,) = store.written
        (one,) = decode(text, time.time()).rows
        (sample,) = alone.timeline(made._life.handle.id)
        assert (one.id, sample.chunks) == (made._life.handle.id, 1)


def test_it_is_written_once_a_second_and_less_often_where_nothing_is_open(alone, clock):
    store = MemoryStore()
    roster = Roster(store)
    with opened():
        for _ in range(10):
            roster.look(open_lives())
            clock[0] += 0.5
    busy = len(store.written)
    for _ in range(20):
        roster.look(())
        clock[0] += 0.5
    assert (busy, len(store.written) - busy) == (5, 2)


def test_the_first_stream_after_a_pause_is_on_it_soon(alone, clock):
    store = MemoryStore()
    roster = Roster(store)
    roster.look(())
    clock[0] += 0.5
    with opened():
        roster.look(open_lives())
    assert len(decode(store.written[-1], time.time()).rows) == 1


@pytest.mark.parametrize(("takes", "rest"), [(0.1, 2.0), (0.2, 4.0), (3.0, 5.0)])
def test_a_page_that_takes_long_is_written_less_often(alone, clock, monkeypatch, takes, rest):
    times = iter([7.0, 7.0 + takes])
    monkeypatch.setattr("streaminstr._process.roster.thread_time", lambda: next(times))
    roster = Roster(MemoryStore())
    with opened():
        roster.look(open_lives())
    assert roster._write_due - clock[0] == pytest.approx(rest)


def test_a_store_that_fails_is_left_alone_for_ever_longer(alone, clock):
    roster, pauses = Roster(BrokenStore()), []
    for _ in range(6):
        with pytest.raises(ConnectionError):
            roster.look(())
        pauses.append(roster.look(()) - clock[0])
        clock[0] += pauses[-1]
    assert pauses == [2, 4, 8, 16, 30, 30]


# The table of several processes


def test_the_streams_of_all_are_in_it_the_oldest_first(alone):
    store = MemoryStore(a=page(row(1, age=5.0), row(2, age=900.0)), b=page(row(3, age=60.0), pid=8))
    with opened():
        table = Roster(store).table()
    assert [one.id for one in table.rows][:3] == [id_of(2), id_of(3), id_of(1)]
    assert [one.pid for one in table.workers][-2:] == [7, 8]
    assert (len(table.rows), len(table.workers), table.problem) == (4, 3, "")


def test_this_process_is_in_it_once(alone):
    with opened() as made:
        store = MemoryStore(own=page(row(1)))
        assert [one.id for one in Roster(store).table().rows] == [made._life.handle.id]


def test_what_has_ended_elsewhere_is_in_it():
    store = MemoryStore(a=page(ended=(ended(1, ended=1.0), ended(2, ended=2.0))))
    assert [one.id for one in Roster(store).table().ended] == [id_of(2), id_of(1)]


def test_how_many_are_left_out_is_said():
    store = MemoryStore(a=page(row(1), left_out=3))
    assert Roster(store).table().truncated == {"web:7": 3}


def test_a_page_that_cannot_be_read_is_counted():
    table = Roster(MemoryStore(a="<html>", b=page(row(1)))).table()
    assert (table.unreadable, len(table.rows)) == (1, 1)


def test_a_store_that_cannot_be_reached_leaves_this_process(alone, errors):
    with opened():
        table = Roster(BrokenStore()).table()
    assert table.problem == UNREACHABLE
    assert len(table.rows) == 1


def test_the_streams_of_a_process_that_hangs_age():
    store = MemoryStore(a=page(row(1, age=5.0, idle=1.0), written=time.time() - 62))
    (one,) = Roster(store).table().rows
    assert (round(one.age), round(one.idle)) == (65, 61)


def test_a_timeline_of_another_process_is_found():
    samples = (Sample(age=1.0, chunks=2, bytes=3, idle=0.5),)
    roster = Roster(MemoryStore(a=page(), b=page(row(1), timelines={id_of(1): samples})))
    assert (roster.timeline(id_of(1)), roster.timeline(id_of(2))) == (samples, ())


# Requests to other processes


def test_the_process_that_has_the_stream_is_asked_to_close_it():
    store = MemoryStore(a=page(row(1)), b=page(row(2), pid=8))
    store.answers = {"b": "asked"}
    assert Roster(store).request_close(id_of(2), "stuck", timeout=0.01) is CloseResult.ASKED
    ((address, request),) = store.left
    assert address == "b"
    assert (request["do"], request["id"], request["reason"]) == ("close", id_of(2), "stuck")


def test_what_its_process_says_has_ended_is_closed():
    class Ends(MemoryStore):
        def ask(self, address, nonce, text):
            self.pages[address] = page(ended=(ended(1),), answers={nonce: "asked"})

    assert Roster(Ends(a=page(row(1)))).request_close(id_of(1)) is CloseResult.CLOSED


def test_one_that_has_ended_meanwhile_is_gone():
    store = MemoryStore(a=page(row(1)))
    store.answers = {"a": "gone"}
    assert Roster(store).request_close(id_of(1)) is CloseResult.GONE


def test_one_that_no_process_has_is_gone_at_once():
    store = MemoryStore(a=page(row(1)))
    assert Roster(store).request_close(id_of(2)) is CloseResult.GONE
    assert store.left == []


def test_a_process_whose_page_has_no_room_for_it_is_asked_too():
    store = MemoryStore(a=page(row(1), left_out=1))
    store.answers = {"a": "asked"}
    assert Roster(store).request_close(id_of(2), timeout=0.01) is CloseResult.ASKED


@pytest.mark.parametrize("kind", [MemoryStore, BrokenStore])
def test_a_process_that_does_not_answer_is_said_to(kind, errors, monkeypatch):
    store = kind(a=page(row(1)))
    monkeypatch.setattr(kind, "read", MemoryStore.read)
    assert Roster(store).request_close(id_of(1), timeout=0.01) is CloseResult.UNANSWERED


def test_all_processes_are_asked_to_do_something(monkeypatch):
    monkeypatch.setitem(requests.handlers, "pause", lambda request: f"for {request['seconds']}")
    store = MemoryStore(a=page(), b=page(pid=8))
    store.answers = {"b": "done"}
    answers = Roster(store).send("pause", timeout=0.01, seconds=60)
    assert sorted(answers.values()) == ["done", "for 60"]
    assert answers["web:8"] == "done"


def test_all_processes_are_paused_and_resumed(monkeypatch):
    monkeypatch.setattr(_configure._state, "paused", None)
    with _configure.forced(_configure.Config(backends=(RecordingBackend(),))):
        seen = []
        for change in ("pause", "resume"):
            seen += Roster().send(change).values()
            seen.append(bool(_configure.current().backends))
    assert seen == ["paused", False, "resumed", True]


def test_what_a_process_cannot_do_it_answers_with_the_reason():
    with _configure.forced(_configure.Config()):
        (answer,) = Roster().send("resume").values()
    assert answer.startswith("The backend is None, so there is nothing to resume.")


def test_a_page_says_whether_its_process_is_paused(alone, clock):
    store, paused = MemoryStore(), [True]
    roster = Roster(store, paused.pop)
    with opened():
        roster.look(open_lives())
        assert decode(store.written[-1], time.time()).worker.paused
        roster = Roster(store, lambda: False)
        roster.look(open_lives())
        assert not decode(store.written[-1], time.time()).worker.paused
        assert [one.paused for one in Roster(None, lambda: True).table().workers] == [True]


def test_a_process_that_begins_paused_hears_requests(monkeypatch):
    monkeypatch.setattr(_configure._state, "paused", None)
    monkeypatch.setattr(progress, "_clockwork", progress._Clockwork())
    config = _configure.build(RecordingBackend(), roster=MemoryStore(), paused=True)
    with _configure.forced(config):
        assert _configure.current().backends == ()
        assert progress._clockwork.looks == {"roster": _configure.roster().look}
    progress._clockwork.looks = {}


def test_what_no_process_knows_no_one_answers():
    assert Roster().send("explode", timeout=0.01) == {}


# Requests to this process


def asked(do="close", **fields):
    text, nonce = requests.make(do, fields)
    return text, nonce


def test_a_request_is_done_and_the_answer_is_on_the_next_page(alone, clock):
    store = MemoryStore()
    with opened() as made:
        text, nonce = asked(id=made._life.handle.id, reason="stuck")
        store.requests = [text]
        roster = Roster(store)
        assert roster.look(open_lives()) == clock[0] + 0.2
        clock[0] += 0.2
        roster.look(open_lives())
    assert decode(store.written[-1], time.time()).answers == {nonce: "asked"}
    assert alone.table().ended[0].close_reason == "stuck"


def test_the_last_answers_are_on_it(clock):
    store = MemoryStore()
    store.requests = [asked(id=id_of(1))[0] for _ in range(21)]
    roster = Roster(store)
    roster.look(())
    clock[0] += 0.2
    roster.look(())
    assert len(decode(store.written[-1], time.time()).answers) == 20


def test_a_request_is_answered_once():
    text, nonce = asked(id=id_of(1))
    assert [requests.answer(text), requests.answer(text)] == [(nonce, "gone"), None]


def test_one_that_comes_late_is_ignored(monkeypatch):
    text, _ = asked(id=id_of(1))
    late = time.time() + 11
    monkeypatch.setattr(time, "time", lambda: late)
    assert requests.answer(text) is None


@pytest.mark.parametrize(
    "change",
    [
        {"do": 7},
        {"do": "explode"},
        {"at": "now"},
        {"at": float("nan")},
        {"at": float("inf")},
        {"nonce": 7},
        {"nonce": "../../x"},
        {"reason": "x" * 5000},
    ],
)
def test_what_is_no_request_is_ignored(change):
    request = json.loads(asked(id=id_of(1))[0])
    assert requests.answer(json.dumps({**request, **change})) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 4000])
def test_what_is_no_json_is_ignored(text):
    assert requests.answer(text) is None


def test_a_request_that_raises_hinders_no_other(errors, clock, monkeypatch):
    monkeypatch.setitem(requests.handlers, "pause", lambda _: 1 / 0)
    store = MemoryStore()
    text, nonce = asked(id=id_of(1))
    store.requests = [asked("pause")[0], text]
    roster = Roster(store)
    roster.look(())
    assert roster._answers == {nonce: "gone"}


# The setting


def test_a_roster_is_on_where_it_is_configured(tmp_path, monkeypatch):
    for owner in ("configured", "adapter"):  # other tests may have set up Django
        monkeypatch.setattr(_configure._state, owner, None)
    _configure.configure(RecordingBackend(), roster={"DIR": str(tmp_path / "streams")})
    roster = _configure.roster()
    assert (roster.is_on, roster.store.path) == (True, tmp_path / "streams")


@pytest.mark.parametrize("wrong", [1.5, "/run/x", {"DIR": "relative"}, {"PATH": "/x"}, {"DIR": 7}])
def test_what_is_no_roster_is_refused(wrong):
    with pytest.raises(_configure.StreaminstrError, match="in settings ROSTER"):
        _configure.build(RecordingBackend(), roster=wrong)


@pytest.mark.parametrize("given", [True, {"DIR": "/run/shop"}])
def test_without_owners_and_modes_a_directory_is_refused(given, monkeypatch):
    monkeypatch.delattr("os.geteuid")
    with pytest.raises(_configure.StreaminstrError, match="needs the owners and modes of POSIX"):
        _configure.build(RecordingBackend(), roster=given)


@pytest.mark.parametrize("off", [None, False])
def test_it_is_off_unless_it_is_set(off):
    config = _configure.build(RecordingBackend(), roster=off)
    with _configure.forced(config):
        assert not _configure.roster().is_on


def test_a_store_of_ones_own_is_taken():
    store = MemoryStore()
    with _configure.forced(_configure.build(RecordingBackend(), roster=store)):
        assert _configure.roster().store is store


def test_where_everything_is_off_the_roster_is_too():
    with _configure.forced(_configure.build(None, roster=True)):
        assert not _configure.roster().is_on
