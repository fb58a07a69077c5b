"""A stream that is too old, or silent for too long, is ended as by `close_stream`."""

import asyncio
from math import inf

import pytest

from streaminstr import Outcome, StreaminstrError, _configure, configure, stream
from streaminstr._process import expiry, progress
from streaminstr.testing import RecordingBackend


class Watch(progress._Clockwork):
    """One whose thread is never started: turns come by `show_due`."""

    def ensure(self):
        pass


@pytest.fixture
def now(monkeypatch):
    """The time, for a test to move."""
    moment = [100.0]
    monkeypatch.setattr(progress, "_clockwork", Watch())
    for module in (expiry, progress):
        monkeypatch.setattr(module, "clock", lambda: moment[0])
    for module in ("_core.ends", "_core.step", "_core.life", "_core.report", "_events"):
        monkeypatch.setattr(f"streaminstr.{module}.clock", lambda: moment[0])
    return moment


def in_force(**options):
    backend = RecordingBackend()
    return backend, _configure.forced(_configure.assemble((backend,), **options))


def cause(backend):
    (recorded,) = backend.streams
    return recorded.outcome, recorded.report.cancelled_by, recorded.report.close_reason


def test_an_old_stream_ends(now):
    backend, forced = in_force(max_age=60.0)
    with forced:
        made = stream(iter([1, 2, 3]))
        next(made)
        now[0] += 59
        assert progress.show_due() == 1
        next(made)
        now[0] += 1
        assert progress.show_due() == inf
        assert list(made) == []
    assert cause(backend) == (Outcome.CANCELLED, "server", "MAX_AGE")


def test_a_silent_one_too(now):
    backend, forced = in_force(max_stall=10.0)
    with forced:
        made = stream(iter([1, 2, 3]))
        next(made)
        now[0] += 9
        next(made)
        now[0] += 9
        assert progress.show_due() == 1
        now[0] += 1
        progress.show_due()
        assert list(made) == []
    assert cause(backend) == (Outcome.CANCELLED, "server", "MAX_STALL")


def test_pings_are_no_sign_of_life(now):
    backend, forced = in_force(max_stall=10.0)
    with forced:
        made = stream(iter([b"data: 1\n\n", b": ping\n\n", b"data: 2\n\n"]), kind="sse")
        next(made)
        now[0] += 9
        next(made)
        now[0] += 1
        progress.show_due()
        assert list(made) == []
    assert cause(backend)[2] == "MAX_STALL"


def test_one_that_waits_for_its_first_chunk_is_silent(now):
    backend, forced = in_force(max_age=60.0, max_stall=10.0)

    async def body():
        await asyncio.Event().wait()
        yield  # pragma: no cover - it never comes so far

    async def main():
        made = stream(body())
        reading = asyncio.create_task(anext(made, None))
        await asyncio.sleep(0)
        now[0] += 10
        progress.show_due()
        assert await reading is None

    with forced:
        asyncio.run(main())
    assert cause(backend) == (Outcome.CANCELLED, "server", "MAX_STALL")


def test_the_thread_is_woken_for_what_is_due_sooner(now):
    _, forced = in_force(max_age=60.0)
    with forced, stream([1, 2]) as made:
        next(made)
        assert progress._clockwork.wake.is_set()


def test_a_stream_that_is_ending_is_left_alone(now):
    backend, forced = in_force(max_age=1.0)
    with forced:
        made = stream([1, 2])
        next(made)
        made.end_soon("client")
        now[0] += 2
        assert progress.show_due() == inf
        made.close()
    assert cause(backend) == (Outcome.CANCELLED, "client", None)


def test_without_a_limit_no_thread_looks(now):
    assert _configure.assemble(()).look_after is None


@pytest.mark.parametrize("name", ["max_age", "max_stall"])
@pytest.mark.parametrize("value", [0, -1, "long", True])
def test_a_limit_that_is_no_positive_number_is_refused(name, value):
    with pytest.raises(StreaminstrError, match=name):
        configure(**{name: value})
