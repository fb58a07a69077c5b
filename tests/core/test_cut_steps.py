"""A step that is cut by a cancellation or a timeout is not the end of a body that can go on.

tests/differential has the same for each kind of body, consumer and end.
"""

import asyncio
import gc

import pytest

import streaminstr
from core_fakes import by_hand
from differential.backends import in_force
from differential.clock import JumpingLoop
from injected import close, step
from streaminstr import Outcome, stream
from streaminstr.testing import RecordingBackend


class ReadTimeout(TimeoutError):
    """As a client has its own."""


class Source:
    """Raises `error` at its second step, and then goes on."""

    def __init__(self, error):
        self.chunks = [b"a", error, b"b"]

    def take(self, end):
        if not self.chunks:
            raise end
        chunk = self.chunks.pop(0)
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk


class Sync(Source):
    def __iter__(self):
        return self

    def __next__(self):
        return self.take(StopIteration)


class Async(Source):
    def __aiter__(self):
        return self

    async def __anext__(self):
        return self.take(StopAsyncIteration)


class Slowly:
    """Takes two seconds for each step."""

    def __init__(self, now, error):
        super().__init__(error)
        self.now = now

    def take(self, end):
        self.now[0] += 2
        return super().take(end)


class Slow(Slowly, Sync):
    pass


class AsyncSlow(Slowly, Async):
    pass


@pytest.fixture
def backend():
    recording = RecordingBackend()
    with in_force(recording):
        yield recording


def only(backend):
    (recorded,) = backend.streams
    return recorded


KINDS = pytest.mark.parametrize("body_of", [Sync, Async])
CUTS = pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (asyncio.CancelledError, Outcome.CANCELLED),
        (TimeoutError, Outcome.FAILED),
        (ReadTimeout, Outcome.FAILED),
    ],
)


def cut(body_of, error):
    """A stream whose second step was cut."""
    made = stream(body_of(error()))
    assert step(made) == b"a"
    with pytest.raises(error):
        step(made)
    return made


@KINDS
@CUTS
def test_a_cut_step_leaves_the_scope_open(backend, body_of, error, outcome):
    made = cut(body_of, error)
    assert only(backend).is_open
    close(made)


@KINDS
@CUTS
def test_stepped_again_it_is_forgotten(backend, body_of, error, outcome):
    made = cut(body_of, error)
    assert [step(made), step(made)] == [b"b", None]
    assert only(backend).outcome is Outcome.COMPLETED
    assert only(backend).report.chunks == 2


@KINDS
@CUTS
def test_stepped_again_and_closed_it_is_cancelled(backend, body_of, error, outcome):
    made = cut(body_of, error)
    step(made)
    close(made)
    assert only(backend).outcome is Outcome.CANCELLED


@KINDS
@CUTS
def test_it_is_forgotten_as_soon_as_the_next_step_begins(backend, body_of, error, outcome):
    """Ended in that step, as by a process that stops while it waits."""
    body = body_of(error())
    made = stream(body)
    step(made)
    with pytest.raises(error):
        step(made)
    body.take = lambda end: streaminstr.shutdown(0)
    step(made)
    assert only(backend).outcome is Outcome.CANCELLED


@KINDS
@CUTS
def test_after_it_the_consumer_has_the_turn(backend, monkeypatch, body_of, error, outcome):
    """The time of the cut step is the producer's, and no more after it."""
    now = [1.0]
    for module in ("ends", "step", "life", "report"):
        monkeypatch.setattr(f"streaminstr._core.{module}.clock", lambda: now[0])
    made = stream(Slow(now, error()) if body_of is Sync else AsyncSlow(now, error()))
    step(made)
    with pytest.raises(error):
        step(made)
    now[0] += 5
    report = made.report()
    assert (report.stalled, report.producer_time, report.consumer_time) == ("consumer", 4, 5)
    close(made)


@KINDS
@CUTS
def test_closed_instead_it_has_the_outcome_of_the_cut(backend, body_of, error, outcome):
    made = cut(body_of, error)
    close(made)
    assert only(backend).outcome is outcome
    assert isinstance(
        only(backend).report.error, error if outcome is Outcome.FAILED else type(None)
    )


@KINDS
@CUTS
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dropped_instead_it_is_not_abandoned(backend, body_of, error, outcome):
    made = cut(body_of, error)
    del made
    gc.collect()  # a body that keeps its error is in a cycle with the error's traceback
    assert only(backend).outcome is outcome


@KINDS
def test_another_error_ends_the_scope_and_later_steps_reach_the_body(backend, body_of):
    made = cut(body_of, LookupError)
    assert only(backend).outcome is Outcome.FAILED
    assert [step(made), step(made)] == [b"b", None]
    assert only(backend).report.chunks == 1


@pytest.mark.parametrize("error", [TimeoutError, asyncio.CancelledError])
def test_a_generator_that_is_cut_has_ended(backend, error):
    def body():
        yield b"a"
        raise error

    made = stream(body())
    next(made)
    with pytest.raises(error):
        next(made)
    timed_out = error is TimeoutError
    assert only(backend).outcome is (Outcome.FAILED if timed_out else Outcome.CANCELLED)


def test_a_heartbeat_loop_loses_nothing(backend):
    """`wait_for` over a queue, then a ping, and on: half of all SSE servers are written so."""

    class Queue:
        def __init__(self):
            self.items = asyncio.Queue()

        def __aiter__(self):
            return self

        async def __anext__(self):
            return await self.items.get()

    async def main():
        queue = Queue()
        made = stream(queue)
        for number in range(2):
            asyncio.get_running_loop().call_later(5 * number + 3, queue.items.put_nowait, number)
        got = []
        for _ in range(8):
            try:
                got.append(await asyncio.wait_for(anext(made), 2))
            except TimeoutError:
                got.append("ping")
        await made.aclose()
        return got

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        got = runner.run(main())
    assert [chunk for chunk in got if chunk != "ping"] == [0, 1]
    assert [only(backend).outcome, only(backend).report.chunks] == [Outcome.CANCELLED, 2]


def test_a_cancelled_task_may_step_again(backend):
    async def main():
        made = stream(Async(asyncio.CancelledError()))
        await anext(made)
        with pytest.raises(asyncio.CancelledError):
            await anext(made)
        return [chunk async for chunk in made]

    assert by_hand(main()) == [b"b"]
    assert only(backend).outcome is Outcome.COMPLETED
