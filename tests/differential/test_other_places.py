"""Async bodies away from the loop of their request: by hand in threads, and by `async_to_sync`."""

import asyncio
import gc
from contextvars import Context, copy_context
from functools import partial

import pytest
from asgiref.sync import async_to_sync

from core_fakes import by_hand, in_thread
from differential.async_sources import PlainSource, StreamSource
from differential.backends import in_force
from differential.catalogue import ASYNC_KINDS
from differential.record import Record, differences, listening
from differential.world import World, bind, own, requested, told
from streaminstr import stream
from streaminstr.testing import RecordingBackend

pytestmark = pytest.mark.differential

BY_HAND = [
    "async generator",
    "async generator that never waits",
    "async generator with a clean-up",
    "async generator whose clean-up waits",
    "async generator that holds a token",
    "async generator that catches its close",
    "async generator that is sent values",
    "async generator that binds",
    "async generator that asks for its stream",
    "async generator whose clean-up raises",
    "async iterator object",
    "async iterator with aclose",
    "async iterator with an async close",
    "async iterator with a sync close",
    "closable async iterable whose iterator has aclose",
    "closable async iterable whose iterator is an async generator",
    "async iterable whose iterator has only __anext__",
    "async iterator that awaits a coroutine of generators",
]
"""Kinds that need no event loop."""
SLEEPS = "async generator that times out by itself"
IN_A_LOOP = [
    name for name, kind in ASYNC_KINDS.items() if kind.goes_on and not kind.begun and name != SLEEPS
]


async def read(source, record, world, steps):
    """Read all, or `steps` chunks, and close."""
    iterator = aiter(source)
    try:
        while len(record.results) < steps:
            record.results.append(("chunk", await anext(iterator)))
    except BaseException as error:  # noqa: BLE001 - it is compared
        record.results.append(told(world, error))
    try:
        await source.aclose()
    except OSError as error:
        record.results.append(told(world, error))


def run(kind, drive, *, instrumented, steps=8):
    """Make a body with the request's bindings, and `drive` it where those are not."""
    record, world, backend = Record(), World(), RecordingBackend()
    context = copy_context()
    context.run(bind, "request")
    with in_force(backend), listening(record):
        body = context.run(ASYNC_KINDS[kind].make, world)
        if instrumented:
            caller = Context()
            caller.run(bind, "elsewhere")
            source = StreamSource(context.run(partial(stream, body, name="elsewhere")))
            drive(caller.run, read(source, record, world, steps))
            record.wrong = [one.events for one in backend.streams if not one.is_closed]
            assert [caller[requested], caller.get(own)] == ["elsewhere", None]
        else:
            drive(context.run, read(PlainSource(body, record), record, world, steps))
        del body
        gc.collect()
    record.notes = [note for note in world.notes if note[0] != ASYNC_KINDS[kind].may]
    record.asked = world.asked
    return record


def compared(kind, drive, plain_drive, **more):
    ours = run(kind, drive, instrumented=True, **more)
    return differences(run(kind, plain_drive, instrumented=False, **more), ours)


def threads_by_hand(place, coroutine):
    """Drive a coroutine to its end, each step of it in a new thread."""
    steps = coroutine.__await__()
    while in_thread(next, steps, "over") != "over":
        pass


def hand(place, coroutine):
    place(by_hand, coroutine)


def loop_elsewhere(place, coroutine):
    """As Django reads an async body under WSGI."""

    async def main():
        await coroutine

    place(async_to_sync(main))


@pytest.mark.parametrize("steps", [1, 8], ids=["closed", "exhausted"])
@pytest.mark.parametrize("kind", BY_HAND)
def test_a_body_is_the_same_when_each_step_comes_from_another_thread(kind, steps):
    assert compared(kind, threads_by_hand, hand, steps=steps) == []


@pytest.fixture
def _own_loop():
    """A loop of this thread that does not run: a line reader is made with one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.parametrize("kind", IN_A_LOOP)
@pytest.mark.usefixtures("_own_loop")
def test_a_body_is_the_same_when_another_thread_has_its_loop(kind):
    assert compared(kind, loop_elsewhere, loop_elsewhere) == []
