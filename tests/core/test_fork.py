"""A forked child starts with no open stream, and closes none of its parent's."""

import gc
import os
import threading
import warnings

import pytest

from core_fakes import AsyncIterator, by_hand
from streaminstr import open_streams, shutdown, stream
from streaminstr._core import life
from streaminstr._process.frames import uncollected

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def rows():
    yield 1
    yield 2


async def anext_of(made):
    return await anext(made)


def in_child(function):
    """What `function()` returns in a forked child, as text."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Of threads that may hold locks: this child takes none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:  # pragma: no cover - its coverage dies with it
        try:
            os.write(writing, repr(function()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.fixture(params=["sync", "async"])
def opened(request, backend):
    """A list with one open stream."""
    if request.param == "sync":
        made = stream(rows())
        next(made)
    else:
        made = stream(AsyncIterator(1, 2))
        by_hand(anext_of(made))
    streams = [made]
    yield streams
    made.close()


def test_a_child_that_is_forked_during_a_look_collects_and_looks():
    """A look turns the collector off. It ends before the fork, which waits for it."""
    looking = threading.Event()

    def in_a_thread():
        thread = threading.Thread(target=open_streams, daemon=True)
        thread.start()
        thread.join(10)
        return gc.isenabled(), thread.is_alive()

    def look():
        with uncollected():
            looking.set()
            threading.Event().wait(0.5)  # as long as a slow one takes

    thread = threading.Thread(target=look)
    thread.start()
    looking.wait()
    assert in_child(in_a_thread) == "(True, False)"
    thread.join()
    assert gc.isenabled()


def test_a_child_starts_with_no_open_stream(opened):
    assert len(life.open_lives()) == 1
    assert in_child(life.open_lives) == "()"
    assert len(life.open_lives()) == 1


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda streams: streams[0].close(), id="close"),
        pytest.param(lambda streams: streams.clear(), id="drop"),
        pytest.param(lambda streams: shutdown(0), id="shutdown"),
    ],
)
def test_a_child_closes_nothing_of_its_parents(backend, opened, end):
    def in_the_child():  # pragma: no cover - its coverage dies with it
        end(opened)
        return backend.streams[0].events

    assert in_child(in_the_child) == "['open', 'start']"
    assert backend.streams[0].is_open


def test_a_child_may_step_on_without_a_scope(backend):
    def in_the_child():  # pragma: no cover - its coverage dies with it
        return list(made), backend.streams[0].events

    with stream(rows()) as made:
        next(made)
        assert in_child(in_the_child) == "([2], ['open', 'start'])"
        assert next(made) == 2


def test_a_stream_that_was_not_started_may_be_in_the_child(backend):
    def in_the_child():  # pragma: no cover - its coverage dies with it
        return list(made), backend.streams[0].events

    made = stream(rows())
    assert in_child(in_the_child) == "([1, 2], ['open', 'start', 'close'])"
    assert backend.streams[0].events == ["open"]


def test_streams_of_the_childs_own_are_as_anywhere(backend, opened):
    def in_the_child():  # pragma: no cover - its coverage dies with it
        list(stream(rows()))
        return backend.streams[1].events

    assert in_child(in_the_child) == "['open', 'start', 'close']"
