"""Segments: who cuts a stream, when, and what each segment says."""

import asyncio
import contextlib
import gc
import os
import sys
import warnings
from contextvars import ContextVar, copy_context
from math import inf
from threading import Event, Thread, get_ident

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streaminstr
from core_fakes import by_hand, in_thread, until
from racers import Racers
from streaminstr import _configure, _segments, current_stream
from streaminstr._calls import guard
from streaminstr._core.life import open_lives
from streaminstr._process import progress
from streaminstr._wrap import make_handle
from streaminstr._wrap import push as push_stream
from streaminstr.testing import RecordingBackend
from streaminstr.types import NotNow, Outcome

HOUR = 3600.0


@pytest.fixture(autouse=True)
def clockwork(monkeypatch):
    """A background thread that is never started: the tests look in its place."""
    clockwork = progress._Clockwork()
    clockwork.ensure = lambda: None
    monkeypatch.setattr(progress, "_clockwork", clockwork)
    return clockwork


@pytest.fixture
def backend():
    return RecordingBackend()


@pytest.fixture
def make(backend):
    """Make a stream that is cut when it is asked to be."""
    with _configure.forced(_configure.build(backend, segment_interval=inf)):
        yield lambda body=(b"1", b"22", b"333", b"4444"): streaminstr.stream(body, name="s")


def ask(stream):
    stream._life.handle.progress.segments.ask(stream._life)


def numbers(recorded, name):
    return [getattr(report, name) for report in (*recorded.segment_reports, recorded.report)]


def cut_at_each_step(stream):
    for _ in stream:
        ask(stream)


class Scopes(RecordingBackend):
    """Has `segment` of each scope do something else."""

    def __init__(self, segment):
        super().__init__()
        self.segment = segment

    def open(self, info):
        scope = super().open(info)
        plain = scope.segment
        scope.segment = lambda report: self.segment(scope, plain, report)
        return scope


def test_each_segment_has_its_own_numbers_and_the_last_has_the_totals(backend, make):
    cut_at_each_step(make())
    (recorded,) = backend.streams
    assert recorded.events == ["open", "start", *["segment"] * 4, "close"]
    assert numbers(recorded, "segment") == [0, 1, 2, 3, 4]
    assert numbers(recorded, "chunks") == [1, 1, 1, 1, 4]
    assert numbers(recorded, "bytes") == [1, 2, 3, 4, 10]
    assert recorded.outcome is Outcome.COMPLETED


def test_the_times_of_the_segments_add_up(backend, make):
    cut_at_each_step(make())
    *parts, total = numbers(backend.streams[0], "duration")
    assert 0 < sum(parts) <= total


def test_a_segment_that_is_not_the_last_has_neither_outcome_nor_turn(backend, make):
    cut_at_each_step(make())
    (first, *_) = backend.streams[0].segment_reports
    assert not {"streaminstr.outcome", "streaminstr.stalled"} & first.as_attributes().keys()


def test_the_first_chunk_belongs_to_the_first_segment_and_to_the_stream(backend, make):
    cut_at_each_step(make())
    have_it = [
        seconds is not None for seconds in numbers(backend.streams[0], "time_to_first_chunk")
    ]
    assert have_it == [True, False, False, False, True]


def test_what_the_body_says_belongs_to_the_segment_in_which_it_says_it(backend, make):
    def body():
        stream = current_stream()
        for number in (1, 2, 4):
            stream.add("tokens", number, rate=True)
            stream.mark(f"mark {number}")
            stream.set_attribute("number", number)
            yield b"chunk"

    cut_at_each_step(make(body()))
    (recorded,) = backend.streams
    attributes = numbers(recorded, "attributes")
    assert [one["tokens"] for one in attributes] == [1, 2, 4, 7]
    assert [one["number"] for one in attributes] == [1, 2, 4, 4]
    assert [[*marks] for marks in numbers(recorded, "marks")] == [
        *(["mark 1"], ["mark 2"], ["mark 4"]),
        ["mark 4", "mark 2", "mark 1"],
    ]
    for report in recorded.segment_reports:
        expected = report.attributes["tokens"] / report.producer_time
        assert report.rates["tokens"] == pytest.approx(expected)


def test_the_events_of_an_event_stream(backend, make):
    made = streaminstr.stream([b"data: 1\n\n", b":ping\n", b"data: 2\n\n"], name="s", kind="sse")
    cut_at_each_step(made)
    (recorded,) = backend.streams
    assert numbers(recorded, "events") == [1, 0, 1, 2]
    assert numbers(recorded, "pings") == [0, 1, 0, 1]
    have_it = [seconds is not None for seconds in numbers(recorded, "time_to_first_event")]
    assert have_it == [True, False, False, True]


@pytest.mark.parametrize("kind", ["chunks", "sse"])
def test_the_longest_gap_is_that_of_the_segment(backend, make, kind):
    made = streaminstr.stream([b"data: 1\n\n"] * 3, name="s", kind=kind)
    next(made)
    gaps = _segments._gaps_of(made._life)
    for seconds in (5.0, 3.0):
        gaps.longest = seconds
        ask(made)
        next(made)
    made.close()
    first, second, whole = numbers(backend.streams[0], "longest_gap")
    assert (first, second, whole) == (5.0, 3.0, 5.0)


def test_the_lag_of_the_loop_is_that_of_the_segment(backend):
    asked = []

    class Lag:
        class beat:  # noqa: N801 - an attribute
            @staticmethod
            def largest(since):
                asked.append(since)
                return 7.0

    with _configure.forced(_configure.build(backend, segment_interval=inf)):
        made = streaminstr.stream([b"1", b"2"], name="s")
        next(made)
        progress = made._life.handle.progress
        progress.lag = Lag
        Lag.largest = lambda: 9.0
        ask(made)
        next(made)
        progress.lag = None
        made.close()
    assert backend.streams[0].segment_reports[0].loop_lag == 7.0
    assert asked[0] <= progress.segments._since


def test_a_step_is_run_as_before_once_the_stream_was_cut(make):
    made = make()
    next(made)
    before = made._life.run
    ask(made)
    assert made._life.run is not before
    next(made)
    assert made._life.run is before
    made.close()


def test_a_stream_that_is_not_stepped_is_not_cut(backend, make):
    made = make()
    next(made)
    ask(made)
    assert backend.streams[0].events == ["open", "start"]
    made.close()
    assert backend.streams[0].events == ["open", "start", "close"]
    assert backend.streams[0].report.segment is None


def test_who_steps_cuts_in_the_context_of_the_stream():
    seen, variable = [], ContextVar("variable", default=None)

    def segment(scope, plain, report):
        seen.append((get_ident(), current_stream().id))
        variable.set(report.segment)
        return plain(report)

    def body():
        for _ in range(3):
            seen.append((get_ident(), current_stream().id, variable.get()))
            yield b"chunk"

    backend = Scopes(segment)
    with _configure.forced(_configure.build(backend, segment_interval=inf)):
        made = streaminstr.stream(body(), name="s")
        next(made)
        ask(made)
        in_thread(next, made)
        made.close()
    (first, own, _), cut, (second, same, value) = seen
    assert first == get_ident()
    assert cut == (second, own)
    assert (second != first, own, value) == (True, same, 0)
    assert variable.get() is None


async def test_an_async_stream_is_cut_in_the_task_that_steps(backend, make):
    async def body():
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"chunk"

    made = make(body())
    async for _ in made:
        ask(made)
    (recorded,) = backend.streams
    assert recorded.events == ["open", "start", *["segment"] * 3, "close"]
    assert numbers(recorded, "chunks") == [1, 1, 1, 3]


async def test_a_step_that_waits_is_not_cut(backend, make):
    go_on = asyncio.Event()

    async def body():
        yield b"1"
        await go_on.wait()
        yield b"2"
        yield b"3"

    made = make(body())
    await anext(made)
    step = asyncio.ensure_future(anext(made))
    await until(lambda: made.in_step)
    ask(made)
    go_on.set()
    await step
    assert backend.streams[0].events == ["open", "start"]
    await anext(made)
    assert backend.streams[0].events == ["open", "start", "segment"]
    await made.aclose()


def test_send_and_throw_are_steps(backend, make):
    def body():
        got = yield b"1"
        try:
            yield got
        except ValueError:
            yield b"3"

    made = make(body())
    next(made)
    ask(made)
    assert made.send(b"2") == b"2"
    ask(made)
    assert made.throw(ValueError()) == b"3"
    made.close()
    assert backend.streams[0].events.count("segment") == 2


def test_a_primed_stream(backend, make):
    made = make().prime()
    ask(made)
    assert b"".join(made) == b"1223334444"
    assert numbers(backend.streams[0], "chunks") == [0, 4]


async def test_a_primed_async_stream(backend, make):
    async def body():
        yield b"1"
        yield b"2"

    made = await make(body()).aprime()
    ask(made)
    assert [chunk async for chunk in made] == [b"1", b"2"]
    assert numbers(backend.streams[0], "chunks") == [0, 2]


def test_a_body_that_was_entered_before_is_cut_too(backend, make):
    """It is stepped in the caller's Context, and its span lives in its own."""
    body = (number for number in (b"1", b"2", b"3"))
    next(body)
    cut_at_each_step(make(body))
    assert numbers(backend.streams[0], "chunks") == [1, 1, 2]


def test_streams_in_each_other_are_cut_apart(backend, make):
    made = {}

    def outer():
        made["inner"] = streaminstr.stream([b"1", b"2"], name="inner")
        yield from made["inner"]

    made["outer"] = make(outer())
    next(made["outer"])
    ask(made["outer"])
    next(made["outer"])
    ask(made["inner"])
    list(made["outer"])
    of_outer, of_inner = backend.streams
    assert (of_outer.events.count("segment"), of_inner.events.count("segment")) == (1, 1)
    assert of_inner.parent is of_outer


def test_log_fields_are_those_of_the_segment(backend, make):
    seen = []

    def body():
        for _ in range(2):
            seen.append(current_stream().logger)
            seen.append(dict(made._life.handle.fields))
            yield b"chunk"

    made = make(body())
    cut_at_each_step(made)
    (recorded,) = backend.streams
    assert [one["span_id"] for one in seen[1::2]] == recorded.segment_ids


def test_a_scope_without_segment_is_not_cut(backend):
    """The log event, metrics, other people's: they see one stream."""
    closed = []

    class Scope:
        def start(self):
            return {}

        def close(self, report):
            closed.append(report)

    class Plain:
        def open(self, info):
            return Scope()

    with _configure.forced(_configure.build([Plain(), backend], segment_interval=inf)):
        cut_at_each_step(streaminstr.stream([b"1", b"2"], name="s"))
        assert [report.chunks for report in closed] == [2]
    with _configure.forced(_configure.build(Plain(), segment_interval=inf)):
        made = streaminstr.stream([b"1", b"2"], name="s")
        next(made)
        assert made._life.handle.progress.segments is None
        made.close()
    assert closed[-1].segment is None


def test_what_is_pushed_has_no_steps_to_cut_between(backend):
    config = _configure.build(backend, segment_interval=inf)
    handle = make_handle(config, "s", None)

    def push():
        pushed = push_stream(handle, config, None, 0.0)
        pushed.push(b"one", 1.0)
        pushed.finish()

    copy_context().run(push)
    assert handle.progress.segments is None


class TestABodyThatHoldsASpan:
    """Its scope says `NotNow`, and the next boundary comes into question."""

    @pytest.fixture
    def refusals(self):
        return []

    @pytest.fixture
    def made(self, refusals):
        def segment(scope, plain, report):
            if refusals:
                refusals.pop()
                raise NotNow
            return plain(report)

        self.backend = Scopes(segment)
        with _configure.forced(_configure.build(self.backend, segment_interval=inf)):
            made = streaminstr.stream([b"1"] * 500, name="s")
            next(made)
            yield made
            made.close()

    def test_it_is_cut_at_the_next_boundary(self, made, refusals):
        refusals += [1, 1]
        ask(made)
        for _ in range(3):
            next(made)
        assert (refusals, self.backend.streams[0].events[2:]) == ([], ["segment"])
        assert self.backend.streams[0].segment_reports[0].chunks == 3
        assert not made._life.handle.progress.segments._is_asked

    def test_after_many_boundaries_the_background_thread_asks_again(self, made, refusals):
        refusals += [1] * _segments.TRIES
        segments = made._life.handle.progress.segments
        ask(made)
        for _ in range(_segments.TRIES + 10):
            next(made)
        assert (refusals, self.backend.streams[0].events[2:]) == ([], [])
        segments._since = -inf
        segments._interval = HOUR
        progress.show_due()
        next(made)
        assert self.backend.streams[0].events[2:] == ["segment"]

    def test_it_is_no_error(self, made, refusals, errors):
        refusals += [1]
        ask(made)
        next(made)
        assert not errors.errors

    def test_another_vendors_span_goes_on_by_itself(self, refusals):
        def segment(scope, plain, report):
            if refusals:
                refusals.pop()
                raise NotNow
            return plain(report)

        backend, waiting = RecordingBackend(), Scopes(segment)
        refusals += [1]
        with _configure.forced(_configure.build([backend, waiting], segment_interval=inf)):
            made = streaminstr.stream([b"1"] * 9, name="s")
            next(made)
            _segments._gaps_of(made._life).longest = 5.0
            ask(made)
            next(made)
            next(made)
            made.close()
        reports = backend.streams[0].segment_reports, waiting.streams[0].segment_reports
        assert [[one.segment for one in its] for its in reports] == [[0, 1], [0]]
        assert [[one.chunks for one in its] for its in reports] == [[1, 1], [2]]
        assert reports[1][0].longest_gap == 5.0
        assert backend.streams[0].report.segment == waiting.streams[0].report.segment == 2


@pytest.fixture
def errors(monkeypatch):
    monkeypatch.setattr(guard, "errors", type(guard.errors)())
    return guard


def test_an_error_of_one_scope_is_swallowed_once_and_the_others_are_cut(errors, caplog):
    def segment(scope, plain, report):
        raise LookupError

    bad, good = Scopes(segment), RecordingBackend()
    with _configure.forced(_configure.build([bad, good], segment_interval=inf)):
        cut_at_each_step(streaminstr.stream([b"1", b"2"], name="s"))
    assert good.streams[0].events == ["open", "start", "segment", "segment", "close"]
    assert bad.streams[0].events == ["open", "start", "close"]
    assert list(errors.errors.values()) == [2]
    (kind,) = errors.errors
    assert kind.endswith("RecordedStream.segment: LookupError")
    assert caplog.text.count("RecordedStream.segment: LookupError") == 1


def test_what_is_no_mapping_of_log_fields_is_reported(errors):
    with _configure.forced(
        _configure.build(Scopes(lambda *_: ["no mapping"]), segment_interval=inf)
    ):
        cut_at_each_step(streaminstr.stream([b"1"], name="s"))
    (kind,) = errors.errors
    assert kind.endswith("segment: returned list and not a mapping of log fields")


def test_what_is_aimed_at_the_request_goes_on_and_the_scope_is_closed(make, backend):
    """As an interrupt by a signal does, which comes while a scope is at work."""

    class Interrupt(BaseException):
        pass

    def segment(scope, plain, report):
        throw = (_ for _ in ()).throw
        throw(Interrupt())

    backend = Scopes(segment)
    with (
        _configure.forced(_configure.build(backend, segment_interval=inf)),
        pytest.raises(Interrupt),
    ):
        cut_at_each_step(streaminstr.stream([b"1", b"2"], name="s"))
    assert backend.streams[0].events == ["open", "start", "close"]


class TestAnEndWhileItIsCut:
    def stream(self, during):
        """A stream that is ended while its scope is cut."""

        def segment(scope, plain, report):
            during(made)
            return plain(report)

        self.backend = Scopes(segment)
        with _configure.forced(_configure.build(self.backend, segment_interval=inf)):
            made = streaminstr.stream([b"1", b"2", b"3"], name="s")
            next(made)
            ask(made)
            next(made)
            assert list(made) == []
        (recorded,) = self.backend.streams
        assert recorded.events == ["open", "start", "segment", "close"]
        return recorded

    def test_by_a_close(self):
        recorded = self.stream(lambda made: in_thread(made.close))
        assert (recorded.outcome, recorded.report.chunks) == (Outcome.CANCELLED, 2)

    @pytest.mark.parametrize("place", [in_thread, lambda function: function()])
    def test_by_who_does_not_wait_for_the_step(self, place):
        """A shutdown whose time is over; also in a signal's handler, in this very thread."""

        def end(made):
            place(lambda: made.close(cancelled_by="server"))
            place(made.give_up)
            assert not made._life.is_open

        recorded = self.stream(end)
        assert (recorded.outcome, recorded.report.cancelled_by) == (Outcome.CANCELLED, "server")


def test_an_end_that_waits_for_the_scopes_closes_them_itself(make, backend, monkeypatch):
    """It has come just before they are back."""
    made = make()
    next(made)
    made._life.ask_to_close()
    with _segments._out_of_reach(made._life, made._life.handle.progress.lock) as is_open:
        assert is_open
        made.give_up()
    assert backend.streams[0].events == ["open", "start", "close"]


def test_a_stream_that_has_ended_is_not_cut(make, backend):
    made = make()
    next(made)
    made.give_up()
    ask(made)
    next(made)
    segments = made._life.handle.progress.segments
    segments.switch(made._life, 1)
    assert backend.streams[0].events == ["open", "start", "close"]
    assert segments._parts == []


def test_a_close_of_a_stream_that_is_asked_is_a_close(make, backend):
    closed = []

    class Body:
        def __iter__(self):
            return iter((b"1", b"2"))

        def close(self):
            closed.append(current_stream().id)

    made = make(Body())
    next(made)
    ask(made)
    made.close()
    assert backend.streams[0].events == ["open", "start", "close"]
    assert closed == [backend.streams[0].info.stream_id]


def test_a_stream_that_is_dropped_while_it_is_asked_ends_at_once(make, backend):
    made = make()
    next(made)
    ask(made)
    gc.disable()
    try:
        with pytest.warns(ResourceWarning):
            del made
        assert backend.streams[0].outcome is Outcome.ABANDONED
    finally:
        gc.enable()


def test_progress_does_not_reach_a_scope_that_is_being_cut():
    shown = []

    def segment(scope, plain, report):
        life = next(iter(open_lives()))
        life.handle.progress.due = 0.0
        in_thread(progress.show_due)
        shown.append(scope.events.count("progress"))
        return plain(report)

    backend = Scopes(segment)
    with _configure.forced(_configure.build(backend, segment_interval=inf, progress_interval=HOUR)):
        made = streaminstr.stream([b"1", b"2"], name="s")
        next(made)
        ask(made)
        next(made)
        assert shown == [0]
        open_lives()[0].handle.progress.due = 0.0
        progress.show_due()
        made.close()
    assert backend.streams[0].events[2:] == ["segment", "progress", "close"]
    (report,) = backend.streams[0].progress_reports
    assert (report.segment, report.chunks, report.time_to_first_chunk) == (1, 2, None)


def test_the_cut_waits_for_a_progress_that_is_running():
    entered, leave = Event(), Event()

    class Slow(RecordingBackend):
        def open(self, info):
            scope = super().open(info)
            inner = scope.progress

            def show(report):
                entered.set()
                assert leave.wait(10)
                inner(report)

            scope.progress = show
            return scope

    backend = Slow()
    with _configure.forced(_configure.build(backend, segment_interval=inf, progress_interval=HOUR)):
        made = streaminstr.stream([b"1", b"2"], name="s")
        next(made)
        open_lives()[0].handle.progress.due = 0.0
        shower, stepper = Thread(target=progress.show_due), Thread(target=next, args=(made,))
        shower.start()
        assert entered.wait(10)
        ask(made)
        stepper.start()
        assert "segment" not in backend.streams[0].events
        leave.set()
        shower.join()
        stepper.join()
        made.close()
    assert backend.streams[0].events[2:] == ["progress", "segment", "close"]


class TestTheBackgroundThread:
    @pytest.fixture
    def now(self, monkeypatch):
        now = [100.0]
        monkeypatch.setattr(_segments, "clock", lambda: now[0])
        return now

    @pytest.fixture
    def made(self, now, backend):
        with _configure.forced(_configure.build(backend, segment_interval=60)):
            made = streaminstr.stream([b"1"] * 9, name="s")
            next(made)
            yield made
            made.close()

    def test_it_asks_when_the_time_has_come(self, now, made):
        segments, before = made._life.handle.progress.segments, made._life.run
        now[0] = 159.0
        assert segments.look(made._life) == 160.0
        assert made._life.run is before
        now[0] = 160.0
        assert segments.look(made._life) == 161.0
        assert made._life.run is not before

    def test_it_asks_once_and_looks_again(self, now, made, backend):
        segments = made._life.handle.progress.segments
        now[0] = 160.0
        segments.look(made._life)
        asked = made._life.run
        now[0] = 161.0
        assert segments.look(made._life) == 162.0
        assert made._life.run is asked
        next(made)
        assert segments.look(made._life) == 221.0
        assert backend.streams[0].segment_reports[0].segment == 0

    def test_it_sleeps_until_the_next_segment_is_due(self, clockwork, made):
        assert clockwork.wake.is_set()

    def test_it_cuts_each_stream(self, backend, monkeypatch):
        cut = Event()

        def segment(scope, plain, report):
            cut.set()
            return plain(report)

        living = progress._Clockwork()
        monkeypatch.setattr(progress, "_clockwork", living)
        with _configure.forced(_configure.build(Scopes(segment), segment_interval=0.01)):
            made = streaminstr.stream(iter(bytes, None), name="s")
            while not cut.is_set():
                next(made)
            made.close()
        assert living.thread.daemon


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_cuts_nothing_of_its_parents(make, backend):
    made = make()
    next(made)
    ask(made)
    child = os.fork()
    if child == 0:  # pragma: no cover - in another process
        next(made)
        os._exit("segment" in backend.streams[0].events)
    assert os.waitpid(child, 0)[1] == 0
    next(made)
    assert backend.streams[0].events == ["open", "start", "segment"]
    made.close()


def test_a_step_that_came_late_to_a_switch_does_not_cut_again(make, backend):
    """An async step may have read it before it had the turn."""
    made = make()
    next(made)
    ask(made)
    switch = made._life.run
    next(made)
    assert switch(lambda: "ran") == "ran"
    assert backend.streams[0].events.count("segment") == 1
    made.close()


def test_a_switch_outlives_its_stream(make, backend):
    made = make()
    next(made)
    ask(made)
    switch = made._life.run
    made.give_up()
    del made
    assert switch(lambda: "ran") == "ran"


@pytest.fixture
def switching():
    """Have the interpreter change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_segment_a_step_and_a_close_at_once(make, backend, switching):
    """Whichever comes first: one close, after which there is nothing."""
    made = None

    def prepare():
        nonlocal made
        backend.clear()
        made = make()
        next(made)

    def check():
        (recorded,) = backend.streams
        assert recorded.events in (
            ["open", "start", "close"],
            ["open", "start", "segment", "close"],
        )
        assert recorded.report.segment == (1 if "segment" in recorded.events else None)

    racers = Racers(lambda: next(made, None), lambda: ask(made), lambda: made.close())
    racers.race(prepare, check)
    assert all(isinstance(error, RuntimeError) for error in racers.errors)
    assert open_lives() == ()


def test_each_chunk_is_counted_in_one_segment_whenever_it_is_asked(make, backend, switching):
    made = make(iter(range(10**9)))
    next(made)
    stop = Event()

    def keep_asking():
        while not stop.is_set():
            ask(made)

    asking = Thread(target=keep_asking)
    asking.start()
    (recorded,) = backend.streams
    steps = 1
    while len(recorded.segment_reports) < 20:
        next(made)
        steps += 1
    stop.set()
    asking.join()
    made.close()
    *parts, total = numbers(recorded, "chunks")
    assert numbers(recorded, "segment") == [*range(len(parts) + 1)]
    # The last step has cut before its own chunk.
    assert (sum(parts), total) == (steps - 1, steps)


def test_an_async_step_by_hand_is_cut_once(make, backend):
    """What waits is driven by the same switch to its end."""

    async def body():
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"chunk"

    made = make(body())
    by_hand(anext(made))
    ask(made)
    by_hand(anext(made))
    by_hand(made.aclose())
    assert backend.streams[0].events == ["open", "start", "segment", "close"]


DOING = ["step", "step", "ask", "hold", "free", "thread", "fail", "close", "drop"]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(doings=st.lists(st.sampled_from(DOING), max_size=30))
def test_whatever_comes_the_segments_are_whole(doings):
    """A scope is cut between start and close alone, its numbers add up, and its end is one."""
    held = []

    def segment(scope, plain, report):
        if held:
            raise NotNow
        return plain(report)

    class Body:
        error = None

        def __iter__(self):
            return self

        def __next__(self):
            if self.error is not None:
                raise self.error
            return b"chunk"

    backend, body, streams = Scopes(segment), Body(), []
    do = {
        "step": lambda: next(streams[0], None),
        "ask": lambda: ask(streams[0]),
        "hold": lambda: held.append(1),
        "free": held.clear,
        "thread": lambda: in_thread(next, streams[0], None),
        "fail": lambda: setattr(body, "error", LookupError),
        "close": lambda: streams[0].close(),
    }
    with (
        _configure.forced(_configure.build(backend, segment_interval=inf)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ResourceWarning)
        streams.append(streaminstr.stream(body, name="s"))
        next(streams[0])
        for doing in doings:
            if doing == "drop":
                break
            with contextlib.suppress(LookupError):
                do[doing]()
        streams.clear()
    (recorded,) = backend.streams
    assert recorded.events[:2] + recorded.events[-1:] == ["open", "start", "close"]
    assert set(recorded.events[2:-1]) <= {"segment"}
    *parts, total = numbers(recorded, "chunks")
    assert all(parts)
    assert sum(parts) <= total
    assert numbers(recorded, "segment") in ([*range(len(parts) + 1)], [None])
