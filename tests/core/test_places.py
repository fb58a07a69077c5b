"""What asgiref keeps for a place stays there; what it keeps for a request comes along."""

import asyncio
import operator
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context

import pytest
from asgiref.local import Local
from asgiref.sync import (
    ThreadSensitiveContext,
    async_to_sync,
    sync_to_async,
)

from core_fakes import until
from streaminstr import StreamInfo, _configure, stream
from streaminstr._asgiref import place
from streaminstr._handle import Handle
from streaminstr._process import progress
from streaminstr._wrap import push
from streaminstr.testing import RecordingBackend

INFO = StreamInfo(name="pushed", attributes={}, parent="child")
tenant = Local()


def seen():
    return getattr(tenant, "name", None)


async def seen_by_sync_code():
    return await sync_to_async(seen)()


def names():
    while True:
        yield seen()


async def async_names(count=2):
    for _ in range(count):
        yield await seen_by_sync_code()


def thread(function, *args):
    """Call `function` in a thread of its own, with nothing bound."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result(10)


@pytest.fixture(autouse=True)
def _another_request():
    """What is bound where the tests step their streams."""
    tenant.name = "another request's"
    yield
    tenant.name = None


def made(make):
    """What `make` makes in a request."""

    def request():
        tenant.name = "mine"
        return make()

    return Context().run(request)


async def read(chunks):
    return [chunk async for chunk in chunks]


def test_a_step_in_any_thread_sees_what_the_request_has_bound(backend):
    chunks = made(lambda: stream(names()))
    assert [next(chunks), thread(next, chunks), thread(next, chunks), next(chunks)] == ["mine"] * 4
    chunks.close()


def test_what_a_step_binds_is_there_in_the_next_one_and_nowhere_else(backend):
    def body():
        tenant.name = "the body's"
        yield seen()
        yield seen()

    chunks = made(lambda: stream(body()))
    found = thread(next, chunks), seen(), next(chunks)
    assert found == ("the body's", "another request's", "the body's")
    chunks.close()


def test_what_was_hidden_where_the_stream_was_made_stays_hidden(backend):
    """A thread that inherits a Context does not see the Locals in it (asgiref 3.12)."""
    inherited = made(copy_context)
    chunks, there = thread(inherited.run, lambda: (stream(names()), seen()))
    assert [thread(next, chunks), thread(next, chunks)] == [there, there]
    chunks.close()


def test_a_thread_is_what_threading_says_it_is(backend, monkeypatch):
    """Under gevent each greenlet is one, and `threading.get_ident` is replaced late."""
    chunks = made(lambda: stream(names()))
    monkeypatch.setattr(threading, "get_ident", lambda: 7)
    assert next(chunks) == "mine"
    chunks.close()


async def test_made_by_sync_code_and_stepped_on_the_loop_a_body_may_use_sync_code(backend):
    def make():
        tenant.name = "mine"
        return stream(async_names())

    chunks = await sync_to_async(make)()
    assert await read(chunks) == ["mine", "mine"]


async def primed(body):
    """A stream that a sync view has made, and of which it has awaited the first chunk."""

    async def prime():
        tenant.name = "mine"
        chunks = stream(body)
        return chunks, await anext(chunks)

    chunks, first = await sync_to_async(async_to_sync(prime))()
    assert first == "mine"
    return chunks


async def test_it_may_after_each_change_between_two_places_on_one_thread(backend):
    """Sync code that waits for the loop takes a chunk, then the loop by itself does."""
    chunks = await primed(async_names(4))

    async def take():
        return await anext(chunks)

    assert await take() == "mine"
    assert await sync_to_async(async_to_sync(take))() == "mine"
    assert await take() == "mine"
    await chunks.aclose()


async def test_made_for_sync_code_that_has_ended_it_may_in_its_first_step(backend):
    async def make():
        return stream(async_names())

    chunks = await sync_to_async(async_to_sync(make))()
    nothing_bound = asyncio.create_task(read(chunks), context=Context())
    assert await nothing_bound == ["another request's"] * 2


async def test_sync_code_of_a_step_runs_in_the_thread_of_whoever_asks_for_the_step(backend):
    async def threads():
        while True:
            yield await sync_to_async(threading.get_ident)()

    chunks = stream(threads())
    found, own = [], []
    for _ in range(2):
        async with ThreadSensitiveContext():
            own.append(await sync_to_async(threading.get_ident)())
            found.append(await anext(chunks))
    own.append(await sync_to_async(threading.get_ident)())
    found.append(await anext(chunks))
    await chunks.aclose()
    assert found == own
    assert own[2] not in own[:2]


@pytest.mark.parametrize("call", [asyncio.to_thread, operator.call])
async def test_the_clean_up_left_to_a_task_finds_no_executor_of_the_last_step(call, backend):
    """The sync code that waited for that step may have ended."""
    log = []

    async def body():
        try:
            while True:
                yield await seen_by_sync_code()
        finally:
            log.append(await seen_by_sync_code())

    chunks = await primed(body())
    waiting = call(chunks.close)
    if waiting is not None:
        await waiting
    await until(lambda: backend.closed)
    assert log == ["mine"]


async def test_the_clean_up_left_to_a_task_runs_sync_code_where_the_steps_did(backend):
    """It has cursors and files to close, which may belong to a thread."""
    threads = []

    async def body():
        try:
            while True:
                yield threads.append(await sync_to_async(threading.get_ident)())
        finally:
            threads.append(await sync_to_async(threading.get_ident)())

    async with ThreadSensitiveContext():
        chunks = stream(body())
        await anext(chunks)
        await asyncio.to_thread(chunks.close)
        await until(lambda: backend.closed)
    assert threads == [threads[0]] * 2


class Looking(RecordingBackend):
    """A backend that notes which tenant is seen at each moment."""

    def __init__(self):
        super().__init__()
        self.looked = []

    def open(self, info):
        scope = super().open(info)
        close = scope.close
        scope.close = lambda report: (self.looked.append(("close", seen())), close(report))[1]
        scope.progress = lambda report: self.looked.append(("progress", seen()))
        return scope


@pytest.fixture
def looking():
    found = Looking()
    config = _configure.Config(
        backends=(found,),
        place=place,
        progress_interval=3600.0,
        look_after=_configure._looking_after(None),
    )
    with _configure.forced(config):
        yield found


@pytest.fixture
def _shown_by_hand(monkeypatch):
    watch = progress._Clockwork()
    watch.ensure = lambda: None
    monkeypatch.setattr(progress, "_clockwork", watch)


@pytest.mark.usefixtures("_shown_by_hand")
def test_progress_and_close_in_another_thread_see_what_the_request_has_bound(looking):
    chunks = made(lambda: stream(names()))
    next(chunks)
    chunks._life.handle.progress.due = 0.0
    thread(progress.show_due)
    thread(chunks.give_up)
    chunks.close()
    assert looking.looked == [("progress", "mine"), ("close", "mine")]


@pytest.mark.usefixtures("_shown_by_hand")
def test_so_does_the_close_of_a_pushed_stream(looking):
    pushed = made(lambda: push(Handle(INFO), _configure.current(), None, 0.0))
    thread(pushed.close)
    assert looking.looked == [("close", "mine")]
