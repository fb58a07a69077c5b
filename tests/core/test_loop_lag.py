"""`streaminstr.loop_lag`: how late the loop of a stream is, as the progress thread sees it."""

import asyncio
import gc
import weakref
from time import perf_counter

import pytest

from core_fakes import in_thread, until
from streaminstr import _configure, stream
from streaminstr._calls import guard
from streaminstr._core.life import open_lives
from streaminstr._process import lag, progress
from streaminstr._wrap import make_handle, push
from streaminstr.testing import RecordingBackend

NEVER = 3600.0


class Clock:
    """Stands still until a test moves it."""

    now = 100.0

    def __call__(self):
        return self.now


class Loop:
    """Runs what it is handed when a test says so."""

    def __init__(self):
        self.is_up, self.handed = True, []

    def is_running(self):
        return self.is_up

    def call_soon_threadsafe(self, function, *arguments):
        self.handed.append(lambda: function(*arguments))

    def run(self):
        handed, self.handed = self.handed, []
        for function in handed:
            function()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(lag, "clock", clock)
    return clock


@pytest.fixture
def watch(monkeypatch):
    """A watch whose thread is never started: turns come by `look`."""
    watch = progress._Clockwork()
    watch.ensure = lambda: None
    monkeypatch.setattr(progress, "_clockwork", watch)
    return watch


@pytest.fixture
def backend():
    recording = RecordingBackend()
    silent = {"log_levels": dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))}
    with _configure.forced(_configure.build(recording, progress_interval=NEVER, **silent)):
        yield recording


def look():
    """What the progress thread does, from a thread of its own."""
    for life in open_lives():
        life.handle.progress.due = 0.0
    in_thread(progress.show_due)


@pytest.fixture
def beat(clock):
    return lag.Beat(Loop())


def late_by(beat, clock, seconds):
    """Ask, and have the loop answer so late."""
    clock.now = max(clock.now, beat.due)
    beat.ask()
    clock.now += seconds
    beat._loop.run()


def test_a_stamp_is_timed_from_where_it_is_handed_over(beat, clock):
    late_by(beat, clock, 0.25)
    assert beat.largest(100.0) == 0.25


def test_the_largest_counts_and_later_small_ones_change_nothing(beat, clock):
    for seconds in (0.5, 4.0, 0.25, 2.0, 0.125):
        late_by(beat, clock, seconds)
    assert beat.largest(100.0) == 4.0
    assert [one.lag for one in beat._seen] == [4.0, 2.0, 0.125]


def test_a_stream_that_opened_later_has_the_largest_since(beat, clock):
    late_by(beat, clock, 4.0)
    opened = clock.now = clock.now + 0.5
    late_by(beat, clock, 2.0)
    late_by(beat, clock, 0.25)
    assert beat.largest(opened) == 2.0


def test_of_a_lag_that_began_before_the_stream_the_rest_counts(beat, clock):
    late_by(beat, clock, 4.0)
    assert beat.largest(clock.now - 1.5) == 1.5


def test_a_stamp_that_was_not_run_yet_counts_with_its_age(beat, clock):
    beat.ask()
    clock.now += 3.0
    assert beat.largest(100.0) == 3.0
    assert beat.largest(102.0) == 1.0


def test_one_stamp_is_under_way_at_a_time_and_one_a_second(beat, clock):
    assert beat.ask() == 101.0
    assert beat.ask() == 101.0
    clock.now = 101.0
    assert beat.ask() == 102.0
    assert len(beat._loop.handed) == 1
    beat._loop.run()
    assert beat.ask() == 102.0
    clock.now = 102.0
    beat.ask()
    assert len(beat._loop.handed) == 1


def test_what_was_never_asked_has_no_lag(beat):
    assert beat.largest(0.0) is None


def test_a_loop_that_stands_still_is_not_asked_and_is_not_late(beat, clock):
    beat.ask()
    beat._loop.is_up = False
    clock.now += 50.0
    beat.ask()
    assert (beat.largest(0.0), len(beat._loop.handed)) == (None, 1)


def test_a_loop_that_is_closed_meanwhile_is_no_error(beat, clock, errors):
    def refuse(*_):
        message = "Event loop is closed"
        raise RuntimeError(message)

    beat._loop.call_soon_threadsafe = refuse
    beat.ask()
    clock.now += 50.0
    assert beat.largest(0.0) is None
    assert not guard.errors


def test_a_loop_that_refuses_otherwise_is_asked_no_more_this_time(watch, backend, errors):
    async def main():
        async with stream(waiting(asyncio.Event())) as made:
            await anext(made)
            made._life.handle.progress.lag.beat._loop = None
            made._life.handle.progress.lag.beat.due = None  # cannot be compared
            look()

    asyncio.run(main())
    assert sum(guard.errors.values()) == 1


# Streams.


async def waiting(event):
    yield b"one"
    await event.wait()
    yield b"two"


def reports(backend, name):
    (recorded,) = [one for one in backend.streams if one.name == name]
    return recorded.progress_reports, recorded.report


def test_a_blocked_loop_shows_in_progress_and_at_the_end(watch, backend, clock):
    async def blocking():
        yield b"one"
        look()
        clock.now += 3.0  # no step of the loop's meanwhile
        look()
        yield b"two"

    async def main():
        other = stream(waiting(asyncio.Event()), name="other")
        await anext(other)
        async for _ in stream(blocking(), name="blocking"):
            pass
        await other.aclose()

    asyncio.run(main())
    for name in ("blocking", "other"):
        (first, second), last = reports(backend, name)
        assert (first.loop_lag, second.loop_lag, last.loop_lag) == (0.0, 3.0, 3.0)
    assert last.as_attributes()["streaminstr.loop_lag"] == 3.0


def test_streams_of_one_loop_share_its_stamps_and_those_of_another_do_not(watch, backend):
    async def main():
        streams = [stream(waiting(asyncio.Event())) for _ in range(2)]
        for made in streams:
            await anext(made)
        beats = {made._life.handle.progress.lag.beat for made in streams}
        for made in streams:
            await made.aclose()
        return beats

    one, other = asyncio.run(main()), asyncio.run(main())
    assert len(one) == len(other) == 1
    assert not one & other


def test_a_loop_is_let_go_with_its_last_stream(watch, backend):
    async def main():
        async with stream(waiting(asyncio.Event())) as made:
            await anext(made)
            beat = weakref.ref(made._life.handle.progress.lag.beat)
        return made, beat

    made, beat = asyncio.run(main())
    gc.collect()
    assert beat() is None
    assert made._life.handle.progress.lag is None


def test_what_was_seen_last_stays(watch, backend, clock):
    async def main():
        async with stream(waiting(asyncio.Event())) as made:
            await anext(made)
            look()
            clock.now += 2.0
        clock.now += 5.0
        return made.report().loop_lag

    assert asyncio.run(main()) == 2.0
    assert backend.streams[0].report.loop_lag == 2.0


def test_a_sync_stream_that_is_stepped_in_a_loop_has_its_lag_too(watch, backend, clock):
    async def main():
        with stream([b"one", b"two"]) as made:
            next(made)
            look()
            clock.now += 2.0

    asyncio.run(main())
    assert backend.streams[0].report.loop_lag == 2.0


def test_a_body_that_is_pushed_has_it_too(watch, backend, clock):
    async def main():
        config = _configure.current()
        pushed = push(make_handle(config, "s", None), config, None, perf_counter())
        pushed.push(b"one", perf_counter())
        look()
        clock.now += 2.0
        pushed.finish()

    asyncio.run(main())
    assert backend.streams[0].report.loop_lag == 2.0


def test_where_no_loop_runs_there_is_none(watch, backend):
    with stream([b"one", b"two"]) as made:
        next(made)
        look()
    assert backend.streams[0].progress_reports[0].loop_lag is None
    assert "streaminstr.loop_lag" not in backend.streams[0].report.as_attributes()


def test_without_progress_no_loop_is_asked(watch):
    recording = RecordingBackend()

    async def main():
        async with stream(waiting(asyncio.Event())) as made:
            await anext(made)
            assert made._life.handle.progress is None

    with _configure.forced(_configure.build([recording], log_levels={"cancelled": None})):
        asyncio.run(main())
    assert recording.streams[0].report.loop_lag is None
    assert not watch.wake.is_set()


def test_a_loop_that_was_not_asked_lately_wakes_the_thread(watch, backend, clock):
    """It sleeps for an hour otherwise. The next stream of the loop lets it sleep."""

    async def main():
        async with stream(waiting(asyncio.Event())) as one, stream(waiting(asyncio.Event())) as two:
            watch.planned = perf_counter() + NEVER / 2
            await anext(one)
            assert watch.wake.is_set()
            watch.wake.clear()
            watch.planned = clock.now + progress.show_due()
            await anext(two)
            assert not watch.wake.is_set()

    asyncio.run(main())


def test_the_thread_asks_a_loop_by_itself(monkeypatch, backend):
    watch = progress._Clockwork()
    monkeypatch.setattr(progress, "_clockwork", watch)

    async def main():
        async with stream(waiting(asyncio.Event())) as made:
            await anext(made)
            await until(made._life.handle.progress.lag.largest)

    asyncio.run(main())
    assert 0.0 < backend.streams[0].report.loop_lag < NEVER
