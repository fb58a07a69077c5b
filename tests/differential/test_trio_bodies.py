"""The same on trio, which has no `aclose` of its own accord and cancels by groups."""

import logging
from contextlib import aclosing
from contextvars import copy_context

import pytest

from differential.backends import in_force
from differential.world import own, requested
from streaminstr import Outcome, stream
from streaminstr.testing import RecordingBackend

pytestmark = pytest.mark.differential

trio = pytest.importorskip("trio")
trio_testing = pytest.importorskip("trio.testing")


class Trio:
    """What one program notes; its `log` has steps, clean-ups and results in order."""

    def __init__(self):
        self.log = []
        self.waits = trio.Event()
        self.go_on = trio.Event()

    def chunk(self, number):
        self.log.append((number, requested.get(), own.get()))
        return b"%d" % number

    def note(self, what):
        self.log.append((what, requested.get(), own.get()))


async def rows(world):
    """Three chunks; the third is waited for."""
    try:
        yield world.chunk(0)
        await trio.sleep(5)
        yield world.chunk(1)
        world.waits.set()
        await world.go_on.wait()
        yield world.chunk(2)
    finally:
        world.note("clean-up")


async def with_token(world):
    token = own.set("held")
    try:
        async with aclosing(rows(world)) as inner:
            async for chunk in inner:
                yield chunk
    finally:
        own.reset(token)


async def with_nursery(world):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        try:
            yield world.chunk(0)
            await trio.sleep(5)
            yield world.chunk(1)
            world.waits.set()
            await world.go_on.wait()
            yield world.chunk(2)
        finally:
            world.note("clean-up")
            nursery.cancel_scope.cancel()


async def with_scope(world):
    with trio.move_on_after(60):
        yield world.chunk(0)
        await trio.sleep(5)
        yield world.chunk(1)
        world.waits.set()
        await world.go_on.wait()
        yield world.chunk(2)


async def with_lock(world):
    async with trio.Lock():
        yield world.chunk(0)
        await trio.sleep(5)
        yield world.chunk(1)
        world.waits.set()
        await world.go_on.wait()
        yield world.chunk(2)


class Channel:
    """An iterator object that may be asked again when a step was cut."""

    def __init__(self, world):
        self.world, self.number = world, 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        await trio.lowlevel.checkpoint()
        if self.number == 3:
            raise StopAsyncIteration
        if self.number == 1 and not hasattr(self, "due"):
            self.due = trio.current_time() + 5
        await trio.sleep_until(getattr(self, "due", 0))
        if self.number == 2:
            self.world.waits.set()
            await self.world.go_on.wait()
        self.number += 1
        return self.world.chunk(self.number - 1)

    async def aclose(self):
        await trio.lowlevel.checkpoint()
        self.world.note("aclose")


BODIES = [rows, with_token, with_nursery, with_scope, with_lock, Channel]


async def read_all(world, body):
    world.go_on.set()
    async for chunk in body:
        world.log.append(chunk)


async def leave_early(world, body):
    async for chunk in body:
        world.log.append(chunk)
        break
    await close(world, body)


async def be_cancelled(world, body):
    """The client leaves while the body waits."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel_when_it_waits, world, nursery)
        try:
            async for chunk in body:
                world.log.append(chunk)
        except BaseException as error:
            world.log.append(type(error).__name__)
            raise
    with trio.CancelScope(shield=True):
        await close(world, body)


async def cancel_when_it_waits(world, nursery):
    await world.waits.wait()
    nursery.cancel_scope.cancel()


async def beat(world, body):
    """A heartbeat loop: a chunk that takes too long is waited for again."""
    world.go_on.set()
    iterator = aiter(body)
    for _ in range(8):
        with trio.move_on_after(2) as scope:
            world.log.append(await anext(iterator, "end"))
        world.log.append(scope.cancelled_caught)
    await close(world, body)


async def close(world, body):
    try:
        await body.aclose()
    except BaseExceptionGroup as error:  # of a nursery that a GeneratorExit went through
        world.log.append(str(error))


def run(body_of, program, *, instrumented):
    """The log of a program, and what its scope says."""
    world, backend = Trio(), RecordingBackend()

    async def main():
        body = body_of(world)
        await program(world, stream(body, name="trio") if instrumented else body)

    context = copy_context()
    context.run(requested.set, "request")
    with in_force(backend):
        context.run(trio.run, main, clock=trio_testing.MockClock(autojump_threshold=0))
    return world.log, [(one.events, one.outcome) for one in backend.streams]


OUTCOMES = {
    read_all: Outcome.COMPLETED,
    leave_early: Outcome.CANCELLED,
    be_cancelled: Outcome.CANCELLED,
}


@pytest.mark.parametrize("program", OUTCOMES)
@pytest.mark.parametrize("body_of", BODIES)
def test_a_body_behaves_as_without_us(body_of, program):
    plain, _ = run(body_of, program, instrumented=False)
    ours, scopes = run(body_of, program, instrumented=True)
    assert ours == plain
    assert scopes == [(["open", "start", "close"], OUTCOMES[program])]


@pytest.mark.parametrize(
    ("body_of", "outcome"),
    [(rows, Outcome.CANCELLED), (with_token, Outcome.CANCELLED), (Channel, Outcome.COMPLETED)],
)
def test_a_heartbeat_loop_goes_on_as_without_us(body_of, outcome):
    """What is cut is gone where it is a generator; what is none goes on."""
    plain, _ = run(body_of, beat, instrumented=False)
    ours, scopes = run(body_of, beat, instrumented=True)
    assert ours == plain
    assert scopes == [(["open", "start", "close"], outcome)]


def test_a_child_that_fails_fails_the_stream():
    async def body(world):
        async with trio.open_nursery() as nursery:
            yield b"a"
            nursery.start_soon(fail)
            await trio.sleep_forever()

    async def fail():
        raise LookupError

    async def program(world, body):
        with pytest.raises(ExceptionGroup):
            await read_all(world, body)

    _, scopes = run(body, program, instrumented=True)
    assert scopes == [(["open", "start", "close"], Outcome.FAILED)]


def test_a_close_during_a_step_that_waits_ends_the_stream_after_it_or_says_that_it_cannot(caplog):
    """No scope is closed over the head of a step without a word."""
    world, backend = Trio(), RecordingBackend()

    async def step(made):
        world.log.append([await anext(made), await anext(made, "end")])

    async def main():
        made = stream(rows(world), name="trio")
        assert [await anext(made), await anext(made)] == [b"0", b"1"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(step, made)
            await world.waits.wait()
            made.close()
            said = [one for one in caplog.records if one.levelno >= logging.WARNING]
            assert backend.streams[0].is_open or said
            world.go_on.set()

    with in_force(backend):
        trio.run(main, clock=trio_testing.MockClock(autojump_threshold=0))
    assert world.log[-1] == [b"2", "end"]
    assert backend.streams[0].events == ["open", "start", "close"]
