"""One step at a time, and no lost close: a thread is stopped at each instruction, another goes on.

Whatever the order, the body never runs two steps at once, and a close that is asked for while a
step runs takes effect after it.
"""

import contextlib
import threading

import pytest

from core_fakes import Iterator
from differential.backends import in_force
from injected import Backend, step, wrong_scopes
from parked import LONG, Parked, beside
from streaminstr import stream


class Exclusive:
    """Notes steps that overlap. A step of the thread `guest` waits inside for `leave`."""

    def __init__(self):
        self.inside = self.overlaps = self.steps = 0
        self.guest = None
        self.entered = threading.Event()
        self.leave = threading.Event()

    def pass_through(self):
        self.steps += 1
        self.overlaps += self.inside > 0
        self.inside += 1
        if threading.current_thread() is self.guest:
            self.entered.set()
            self.leave.wait(LONG)
        self.inside -= 1
        return b"chunk"


class ExclusiveSync(Exclusive, Iterator):
    def __init__(self):
        super().__init__()
        self.closed_in = []

    def __next__(self):
        return self.pass_through()


class ExclusiveAsync(Exclusive):
    closed_in = ()

    def __aiter__(self):
        return self

    async def __anext__(self):
        return self.pass_through()


BODIES = pytest.mark.parametrize("kind", [ExclusiveSync, ExclusiveAsync])
STARTED = pytest.mark.parametrize("started", [True, False], ids=["later step", "first step"])


def check(made, body, backend):
    """What is true at the end of each race."""
    made.close()
    assert body.overlaps == 0
    assert wrong_scopes(backend) == []
    assert len(body.closed_in) <= 1
    assert step(made) is None


def race_at(at, kind, started, act, other_act, judge):
    """Stop `act` at one instruction while `other_act` goes as far as it can; False: it was done."""
    backend, body = Backend(), kind()
    with in_force(backend):
        made = stream(body)
        if started:
            step(made)
        with Parked(at, lambda: act(made)) as parked:
            other = other_act(made, body) if parked.is_parked else None
        body.leave.set()
        if other is not None:
            other.join()
            judge(parked.other, other, made)
        check(made, body, backend)
    return parked.is_parked


def race(*how):
    """The same at each instruction of `act`, one after the other; the number of them."""
    at = 0
    while race_at(at, *how):
        at += 1
    return at


def step_as_guest(made, body):
    """A step in another thread, which stays inside of the body as long as it can."""

    def run():
        body.guest = threading.current_thread()
        return step(made)

    return beside(run, until=body.entered)


def step_elsewhere(made, body):
    return beside(lambda: step(made), until=threading.Event())


def close_elsewhere(made, body):
    return beside(made.close, until=threading.Event())


def close(made):
    made.close()


def one_of_two_steps(first, second, made):
    """Each has its chunk, or was refused as a generator refuses it."""
    for one in (first, second):
        assert one.result == b"chunk" or isinstance(one.error, RuntimeError), one.error
    assert b"chunk" in (first.result, second.result)


def ended_by_the_close(first, second, made):
    assert first.error is None or isinstance(first.error, RuntimeError)
    assert second.error is None
    assert step(made) is None


@BODIES
@STARTED
def test_two_steps_never_run_at_once(kind, started):
    assert race(kind, started, step, step_as_guest, one_of_two_steps) > 10


@BODIES
@STARTED
def test_a_close_while_a_step_is_stopped_is_not_lost(kind, started):
    assert race(kind, started, step, close_elsewhere, ended_by_the_close) > 10


def ended_by_the_first(first, second, made):
    assert first.error is None
    assert second.error is None or isinstance(second.error, RuntimeError)
    assert step(made) is None


@BODIES
@STARTED
def test_a_close_that_is_stopped_while_a_step_runs_is_not_lost(kind, started):
    assert race(kind, started, close, step_elsewhere, ended_by_the_first) > 5


@BODIES
@STARTED
def test_two_closes_close_once(kind, started):
    def both_returned(first, second, made):
        assert [first.error, second.error] == [None, None]

    assert race(kind, started, close, close_elsewhere, both_returned) > 5


# A close that takes its time.


@contextlib.contextmanager
def cleaning_up(body):
    """A stream that is being closed by another thread, whose clean-up goes on until the end."""
    made = stream(body)
    step(made)
    closing = beside(made.close, until=body.entered)
    yield made
    body.leave.set()
    closing.join()
    assert closing.error is None


class Slow:
    """A body whose clean-up waits."""

    def __init__(self):
        self.entered, self.leave = threading.Event(), threading.Event()

    def wait(self):
        self.entered.set()
        self.leave.wait(LONG)


class SlowIterator(Slow):
    def __iter__(self):
        return self

    def __next__(self):
        return 1

    close = Slow.wait


class SlowGenerator(Slow):
    def __iter__(self):
        try:
            yield from (1, 2)
        finally:
            self.wait()


class SlowAsyncIterator(Slow):
    def __aiter__(self):
        return self

    async def __anext__(self):
        return 1

    close = Slow.wait


@pytest.mark.parametrize("body_of", [SlowIterator, SlowGenerator, SlowAsyncIterator])
def test_a_step_while_a_close_cleans_up_elsewhere_ends_the_iteration(body_of):
    backend = Backend()
    with in_force(backend), cleaning_up(body_of()) as made:
        assert step(made) is None
    assert wrong_scopes(backend) == []
