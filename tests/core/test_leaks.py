"""What is over leaves nothing behind: no open scope, no object, no memory."""

import asyncio
import contextlib
import gc
import sys
import warnings
import weakref

import pytest

from core_fakes import AsyncIterator, by_hand
from streaminstr import _configure, stream
from streaminstr._core import life

MANY = 10_000
WARM = 2_500
"""After so many the free lists of the interpreter are full."""
FEW = 5_000
"""Blocks of memory that may come and go for reasons that are not ours: other threads, free lists.
One block for each stream would be 7,500."""


class Counting:
    """A backend that only counts, so that what it keeps does not count as a leak."""

    started = closed = 0

    def open(self, info):
        return self

    def start(self):
        self.started += 1
        return {}

    def close(self, report):
        self.closed += 1


@pytest.fixture
def counting():
    backend = Counting()
    with _configure.forced(_configure.Config(backends=(backend,))):
        yield backend


@pytest.fixture
def no_collector():
    """Reference counts alone have to do."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def dropping():
    """Streams are dropped on purpose here; a warning that is kept would keep its stream."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def body():
    yield b"a"
    yield b"b"


async def async_body():
    yield b"a"


async def anext_of(made):
    return await anext(made)


def abandon():
    next(stream(body()))


def never_step():
    stream(body())


def close_early():
    with stream(body()) as made:
        next(made)


def complete():
    list(stream(body()))


def fail():
    with contextlib.suppress(LookupError):
        stream(body()).throw(LookupError())


def abandon_async():
    by_hand(anext_of(stream(AsyncIterator(1, 2))))


def drop_in_a_step():
    step = anext_of(stream(AsyncIterator(1, 2)))
    step.send(None)
    step.close()


WAYS = [abandon, never_step, close_early, complete, fail, abandon_async, drop_in_a_step]


@pytest.mark.parametrize("way", WAYS)
def test_ten_thousand_streams_leave_no_scope_open_and_no_memory(
    counting, no_collector, dropping, way
):
    for number in range(MANY):
        way()
        if number == WARM:
            before = sys.getallocatedblocks()
    growth = sys.getallocatedblocks() - before
    assert counting.closed == counting.started == (0 if way is never_step else MANY)
    assert life._open == {}
    assert growth < FEW


def test_ten_thousand_cancelled_tasks_leave_no_scope_open_and_no_memory(  # pragma: no cover
    counting, no_collector
):
    """Python 3.11 loses its tracer in a throw, and coverage the rest of this test."""

    async def forever():
        yield b"a"
        await asyncio.get_running_loop().create_future()

    async def cancel_one():
        made = stream(forever())
        await anext(made)
        task = asyncio.ensure_future(anext_of(made))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def main():
        for number in range(MANY):
            await cancel_one()
            if number == WARM:
                before = sys.getallocatedblocks()
        return sys.getallocatedblocks() - before

    assert asyncio.run(main()) < FEW
    assert counting.closed == counting.started
    assert life._open == {}


# One by one, and where no collector helps.


def watch(made, watched):
    """The parts of a stream that all have to go."""
    watched += [weakref.ref(made)]
    return made


def gone(watched):
    return bool(watched) and not any(one() for one in watched)


@pytest.mark.parametrize("error", [LookupError, GeneratorExit, KeyboardInterrupt])
def test_a_failed_stream_goes_with_its_last_reference(counting, no_collector, error):
    def failing():
        yield 1
        raise error

    def run():
        with contextlib.suppress(error):
            list(watch(stream(failing()), watched))

    watched = []
    run()
    assert gone(watched)


@pytest.mark.parametrize("started", [True, False])
def test_a_stream_that_was_thrown_into_goes_with_its_last_reference(
    counting, no_collector, started
):
    def run():
        made = watch(stream(body()), watched)
        if started:
            next(made)
        with contextlib.suppress(LookupError):
            made.throw(LookupError())

    watched = []
    run()
    assert gone(watched)


@pytest.mark.parametrize("thrown", [LookupError, asyncio.CancelledError])
def test_an_async_stream_that_was_thrown_into_goes_with_its_last_reference(
    counting, no_collector, thrown
):
    def run():
        step = anext_of(watch(stream(AsyncIterator(1)), watched))
        step.send(None)
        with contextlib.suppress(thrown):
            step.throw(thrown())

    watched = []
    run()
    assert gone(watched)


def test_an_async_stream_after_athrow_goes_with_its_last_reference(counting, no_collector):
    async def athrow(made):
        await anext(made)
        with contextlib.suppress(LookupError):
            await made.athrow(LookupError())

    watched = []
    by_hand(athrow(watch(stream(async_body()), watched)))
    assert gone(watched)


def test_an_abandoned_stream_goes_with_its_last_reference(counting, no_collector, dropping):
    watched = []
    next(watch(stream(body()), watched))
    assert gone(watched)


def test_an_open_stream_keeps_no_chunk_alive_but_its_last(counting, no_collector):
    def chunks():
        while True:
            chunk = Chunk(b"a")
            watched.append(weakref.ref(chunk))
            yield chunk
            del chunk

    class Chunk:
        def __init__(self, data):
            self.data = data

    watched = []
    with stream(chunks()) as made:
        for _ in range(3):
            next(made)
        assert [one() is None for one in watched] == [True, True, False]
