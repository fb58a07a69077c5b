"""Threads that close, step and drop the same stream at the same moment, many times over.

What stays true whatever the order: one close at most, one close after a start, and no thread
sees an exception but the one that says that another thread is at it.
"""

import asyncio
import contextlib
import sys
import threading
import warnings

import asgiref.sync
import pytest

from core_fakes import AsyncIterator, Iterator
from racers import ROUNDS, Racers
from streaminstr import Outcome, _configure, stream
from streaminstr._calls.cleanup import CLEANED
from streaminstr._core import life
from streaminstr._core.async_stream import AsyncStream
from streaminstr.testing import RecordingBackend


@pytest.fixture(autouse=True, params=[None, asgiref.sync], ids=["alone", "asgiref"])
def _beside(request, monkeypatch):
    """With asgiref each first step, and each change of thread, goes another way."""
    monkeypatch.delitem(sys.modules, "asgiref.sync")
    if request.param is not None:
        monkeypatch.setitem(sys.modules, "asgiref.sync", request.param)


@pytest.fixture(autouse=True)
def switching():
    """Have the interpreter change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def backend():
    recording = RecordingBackend()
    with _configure.forced(_configure.Config(backends=(recording,))):
        yield recording


class Round:
    """The stream of one round."""

    def __init__(self, backend, body):
        self.backend = backend
        self.body = body
        self.stream = None

    def prepare(self):
        self.backend.clear()
        self.stream = stream(self.body())
        next(self.stream)

    def prepare_unstepped(self):
        self.backend.clear()
        self.stream = stream(self.body())

    def step(self):
        next(self.stream, None)

    def close(self):
        self.stream.close()

    def drop(self):
        self.stream = None

    def closed_once(self):
        (recorded,) = self.backend.streams
        assert recorded.events == ["open", "start", "close"]
        assert recorded.outcome in {Outcome.CANCELLED, Outcome.COMPLETED}

    def closed_once_or_never_started(self):
        # A close may come before the step: then nothing is started at all.
        (recorded,) = self.backend.streams
        assert recorded.events in (["open"], ["open", "start", "close"])


def taken_at_once(errors):
    """Whether these are what a generator, too, says to the second of two threads."""
    return all(isinstance(error, RuntimeError) for error in errors)


def generator():
    yield 1
    yield 2
    yield 3


BODIES = [generator, lambda: Iterator(1, 2, 3), lambda: [1, 2, 3]]


@pytest.mark.parametrize("body", BODIES, ids=["generator", "iterator", "list"])
def test_two_closes_at_once(backend, body):
    one = Round(backend, body)
    racers = Racers(one.close, one.close)
    racers.race(one.prepare, one.closed_once)
    assert racers.errors == []


@pytest.mark.parametrize("body", BODIES, ids=["generator", "iterator", "list"])
def test_a_close_and_a_step_at_once(backend, body):
    """Whichever is first: after both, the stream has ended, and nobody has missed the other."""
    one = Round(backend, body)
    racers = Racers(one.step, one.close)
    racers.race(one.prepare, one.closed_once)
    assert taken_at_once(racers.errors)


def test_a_close_and_the_first_step_at_once(backend):
    one = Round(backend, generator)
    racers = Racers(one.step, one.close)
    racers.race(one.prepare_unstepped, one.closed_once_or_never_started)
    assert taken_at_once(racers.errors)


def test_two_steps_and_two_closes_at_once(backend):
    one = Round(backend, generator)
    racers = Racers(one.step, one.close, one.step, one.close)
    racers.race(one.prepare, one.closed_once)
    assert taken_at_once(racers.errors)


def test_a_close_and_a_drop_at_once(backend):
    def close():
        with contextlib.suppress(AttributeError):  # it is gone already
            one.stream.close()

    def check():
        (recorded,) = backend.streams
        assert recorded.events == ["open", "start", "close"]
        assert recorded.outcome in {Outcome.CANCELLED, Outcome.ABANDONED}

    one = Round(backend, generator)
    racers = Racers(close, one.drop)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        racers.race(one.prepare, check)
    assert racers.errors == []


@pytest.mark.parametrize("chunks", [[1], [1, 2, 3]], ids=["last step", "step"])
def test_the_body_is_closed_once_whoever_wins(backend, chunks):
    bodies = []

    def body():
        bodies.append(Iterator(*chunks))
        return bodies[-1]

    one = Round(backend, body)
    racers = Racers(one.close, one.step, one.close)
    racers.race(one.prepare, one.closed_once)
    assert {len(body.closed_in) for body in bodies} == {1}


def test_an_async_stream_closed_by_a_thread_while_its_loop_steps_it(backend):
    """Django's worker thread against the loop; no turn of either is held back."""

    async def drain(made, gate):
        gate.wait()
        return [chunk async for chunk in made]

    async def main():
        bodies = []
        for _ in range(ROUNDS):
            bodies.append(AsyncIterator(1, 2, 3))
            made = stream(bodies[-1])
            await anext(made)
            gate = threading.Barrier(2, timeout=60)
            closing = threading.Thread(target=lambda: (gate.wait(), made.close()))  # noqa: B023
            closing.start()
            await drain(made, gate)
            await asyncio.to_thread(closing.join)
            while made._life.is_open or not bodies[-1].closed_in:  # noqa: ASYNC110
                await asyncio.sleep(0)
        return bodies

    bodies = asyncio.run(asyncio.wait_for(main(), 60))
    assert {len(body.closed_in) for body in bodies} == {1}
    assert {tuple(one.events) for one in backend.streams} == {("open", "start", "close")}
    assert life.open_lives() == ()


class Taken(AsyncStream):
    """A stream whose closers another thread takes as soon as they were looked at once."""

    looks = 0

    @property
    def _closers(self):
        self.looks += 1
        return None if self.looks == 1 else CLEANED

    @_closers.setter
    def _closers(self, closers):
        self.looks = 0


def test_closers_that_are_taken_while_a_close_looks_at_them_are_looked_at_once(backend):
    made = stream(AsyncIterator(1))
    taken = Taken(made._life, AsyncIterator(1), len)
    assert len(taken._owed()) == 1
    assert taken._owed() == []
