"""However a response ends, its scope ends once, and the body's clean-up runs in its Context."""

import asyncio
import gc
import threading
import weakref
from contextvars import ContextVar

import pytest
from django.http import StreamingHttpResponse

from django_by_hand import Asgi, Wsgi
from django_site import AsyncBody, Body, bound
from streaminstr import current_stream

in_body = ContextVar("in_body", default="unset")


class Notes:
    """What an async generator saw in its own clean-up, and when."""

    def __init__(self):
        self.cleaned = asyncio.Event()
        self.seen = None

    def clean_up(self):
        stream = current_stream()
        thread = threading.current_thread() is threading.main_thread()
        self.seen = (stream and stream.info.name, in_body.get(), bound.get(), thread)
        self.cleaned.set()

    async def body(self):
        in_body.set("by the body")
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            self.clean_up()


async def leave_in_send():
    """A request whose client leaves while Django is sending the first chunk."""
    request = Asgi()

    async def block():
        request.left.set()
        await asyncio.Event().wait()

    request.sending = lambda message: block() if message.get("body") else None
    await request.run()


RIGHT = ("GET async/", "by the body", "by the view", True)
"""In its own stream, its own Context, on its own loop."""


async def test_a_client_that_leaves_while_the_body_waits(answer, backend, finished):
    notes = Notes()
    answer(lambda: StreamingHttpResponse(notes.body()))
    request = Asgi()
    request.sending = lambda message: request.left.set() if message.get("body") else None
    await request.run()
    assert notes.seen == RIGHT
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]
    assert len(finished) == 1


async def test_a_client_that_leaves_while_django_sends(answer, backend, finished):
    notes = Notes()
    answer(lambda: StreamingHttpResponse(notes.body()))
    await leave_in_send()
    async with asyncio.timeout(5):
        await notes.cleaned.wait()
    assert notes.seen == RIGHT
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]
    assert len(finished) == 1


async def test_a_clean_up_may_wait_for_the_loop(answer, backend):
    done = asyncio.Event()

    async def body():
        try:
            yield b"a"
        finally:
            await asyncio.sleep(0)
            done.set()

    answer(lambda: StreamingHttpResponse(body()))
    await leave_in_send()
    async with asyncio.timeout(5):
        await done.wait()
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]


async def test_an_async_iterator_with_a_plain_close_is_closed_by_it(answer, backend):
    body = AsyncBody(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    await leave_in_send()
    assert body.closed == [("GET async/", "by the view")]
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]


@pytest.mark.parametrize("kind", [Body, AsyncBody])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
async def test_an_exception_midway_under_asgi(kind, answer, backend):
    answer(lambda: StreamingHttpResponse(kind(b"a", error=KeyError("mine"))))
    with pytest.raises(KeyError, match="mine"):
        await Asgi().run()
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.error_type) == ("failed", "KeyError")


@pytest.mark.parametrize("kind", [Body, AsyncBody])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_an_exception_midway_under_wsgi(kind, answer, backend):
    body = kind(b"a", error=KeyError("mine"))
    answer(lambda: StreamingHttpResponse(body))
    with pytest.raises(KeyError, match="mine"):
        Wsgi().read()
    assert [stream.outcome for stream in backend.closed] == ["failed"]
    assert body.closed == [("GET sync/", "by the view")]


def test_a_generators_finally_runs_in_its_stream(answer, backend):
    seen = []

    def body():
        in_body.set("by the body")
        try:
            yield b"a"
        finally:
            seen.append((current_stream().info.name, in_body.get(), bound.get()))

    answer(lambda: StreamingHttpResponse(body()))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert seen == [("GET sync/", "by the body", "by the view")]
    assert in_body.get() == "unset"
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]


class Shelf:
    """An iterable whose `__iter__` is a generator."""

    def __init__(self):
        self.events = []

    def __iter__(self):
        try:
            yield b"a"
        finally:
            self.events.append(("finally", current_stream() is not None))

    def close(self):
        self.events.append(("close", current_stream() is not None))


def test_the_generator_that_an_iterable_makes_is_closed_too_and_first(answer, backend):
    shelf = Shelf()
    answer(lambda: StreamingHttpResponse(shelf))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert shelf.events == [("finally", True), ("close", True)]


async def test_the_async_generator_that_an_iterable_makes_is_closed_too(answer, backend):
    notes = Notes()

    class AsyncShelf:
        def __aiter__(self):
            return notes.body()

    answer(lambda: StreamingHttpResponse(AsyncShelf()))
    await leave_in_send()
    async with asyncio.timeout(5):
        await notes.cleaned.wait()
    assert notes.seen == RIGHT
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]


def with_closers(*closers):
    response = StreamingHttpResponse(Body(b"a"))
    response._resource_closers.extend(closers)
    return response


def raising(error):
    def closer():
        raise error

    return closer


def test_an_exception_from_a_closer_is_swallowed_and_the_others_run(answer, backend, finished):
    ran = []
    answer(lambda: with_closers(raising(KeyError()), lambda: ran.append(1), raising(ValueError())))
    assert Wsgi().read() == b"a"
    assert ran == [1]
    assert len(finished) == 1


def test_what_is_no_exception_gets_out_of_a_closer(answer, backend):
    """Django then runs no further closer; ours, which hold what Django had, run all the same."""
    ran = []
    answer(lambda: with_closers(raising(SystemExit()), lambda: ran.append(1)))
    with pytest.raises(SystemExit):
        Wsgi().read()
    assert ran == [1]
    assert [stream.outcome for stream in backend.closed] == ["completed"]


async def test_under_asgi_the_closers_run_outside_of_the_loop(answer, backend):
    threads = []
    answer(lambda: with_closers(lambda: threads.append(threading.current_thread())))
    with pytest.warns(Warning, match="must consume synchronous"):
        await Asgi().run()
    assert threads != [threading.main_thread()]


async def test_what_a_stream_binds_is_not_seen_between_its_steps(answer, backend):
    seen = []
    notes = Notes()
    answer(lambda: StreamingHttpResponse(notes.body()))
    request = Asgi()

    def look(message):
        if message.get("body"):
            seen.append((bool(current_stream()), in_body.get()))
            request.left.set()

    request.sending = look
    await request.run()
    assert seen == [(False, "unset")]


def in_a_cycle(body):
    response = StreamingHttpResponse(body)
    response.itself = response
    return response


@pytest.mark.parametrize("kind", [Body, AsyncBody])
def test_a_response_that_was_never_stepped_may_be_left_to_the_collector(kind, answer, backend):
    """In a cycle, as the test client makes them. What the collector cannot raise fails the test."""
    answer(lambda: in_a_cycle(kind(b"a")))
    gone = weakref.ref(Wsgi().body._iterator)
    gc.collect()
    assert gone() is None
    assert backend.started == []


def test_a_generator_is_closed_once_also_where_it_does_not_want_to_be(answer):
    closed = []

    def stubborn():
        for number in range(2):
            try:
                yield b"a"
            except GeneratorExit:
                closed.append(number)

    body = stubborn()
    answer(lambda: StreamingHttpResponse(body))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert closed == [0]
    body.close()
