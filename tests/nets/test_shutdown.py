"""`shutdown` ends every stream, each once, and takes no longer than it may."""

import asyncio
import atexit
import threading

import pytest

import streaminstr
from streaminstr import Outcome, _configure
from streaminstr import _exchange as exchange
from streaminstr._process import shutdown as process_shutdown

CUT_SHORT = (Outcome.CANCELLED, "server")


def ending(stream):
    return stream.report.outcome, stream.report.cancelled_by


def forever():
    while True:
        yield b"chunk"


class Stuck:
    """A body whose step does not return before it is let go."""

    def __init__(self):
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __iter__(self):
        return self

    def __next__(self):
        self.entered.set()
        self.let_go.wait()
        return b"chunk"


def test_open_streams_are_cut_short_by_the_server(recorded):
    streams = [streaminstr.stream(forever()) for _ in range(3)]
    for stream in streams:
        next(stream)
    streaminstr.shutdown()
    assert [ending(stream) for stream in recorded.streams] == [CUT_SHORT] * 3
    assert not exchange.shutting_down


def test_streams_may_be_opened_again_after_it(recorded):
    streaminstr.shutdown()
    assert list(streaminstr.stream([b"one"])) == [b"one"]
    assert recorded.closed[0].outcome is Outcome.COMPLETED


def test_a_stream_in_a_step_that_returns_in_time_ends_by_itself(recorded):
    body = Stuck()
    stream = streaminstr.stream(body)
    thread = threading.Thread(target=next, args=(stream,))
    thread.start()
    body.entered.wait()
    threading.Timer(0.05, body.let_go.set).start()
    streaminstr.shutdown()
    thread.join()
    assert ending(recorded.streams[0]) == CUT_SHORT
    assert recorded.streams[0].report.chunks == 1


def test_a_stream_in_a_step_that_does_not_return_is_given_up(recorded):
    body = Stuck()
    stream = streaminstr.stream(body)
    thread = threading.Thread(target=next, args=(stream,))
    thread.start()
    body.entered.wait()
    streaminstr.shutdown(timeout=0.01)
    assert ending(recorded.streams[0]) == CUT_SHORT
    body.let_go.set()
    thread.join()
    assert recorded.streams[0].events == ["open", "start", "close"]


async def test_an_async_stream_ends_on_its_own_loop(recorded):
    cleaned = []

    async def body():
        try:
            yield b"chunk"
        finally:
            await asyncio.sleep(0)
            cleaned.append(asyncio.get_running_loop())

    stream = streaminstr.stream(body())
    await anext(stream)
    await asyncio.to_thread(streaminstr.shutdown)
    assert cleaned == [asyncio.get_running_loop()]
    assert ending(recorded.streams[0]) == CUT_SHORT


async def test_an_async_step_that_does_not_return_is_given_up(recorded):
    async def body():
        yield b"chunk"
        await hold.wait()
        yield b"another"

    hold = asyncio.Event()
    stream = streaminstr.stream(body())
    await anext(stream)
    step = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    streaminstr.shutdown()
    assert ending(recorded.streams[0]) == CUT_SHORT
    hold.set()
    await step
    assert recorded.streams[0].events == ["open", "start", "close"]


def test_clean_up_that_fails_keeps_no_other_stream_open(recorded, caplog):
    def fails():
        try:
            yield b"chunk"
        finally:
            raise KeyError

    streams = [streaminstr.stream(fails()), streaminstr.stream(forever())]
    for stream in streams:
        next(stream)
    streaminstr.shutdown()
    assert len(recorded.closed) == 2


def test_the_backends_have_what_is_left_of_the_time(recorded):
    streaminstr.shutdown(timeout=3)
    assert 0 < recorded.flushes[0] <= 3


def test_a_backend_that_does_not_buffer_is_left_alone():
    with _configure.forced(_configure.build("log")):
        streaminstr.shutdown()


def test_a_backend_that_cannot_flush_breaks_nothing(recorded, caplog, monkeypatch):
    def fail(timeout):
        raise KeyError

    monkeypatch.setattr(recorded, "flush", fail)
    streaminstr.shutdown()
    assert "KeyError" in caplog.text


@pytest.mark.usefixtures("recorded")
def test_the_end_of_the_interpreter_shuts_down_once(monkeypatch):
    registered = []
    monkeypatch.setattr(atexit, "register", lambda *call: registered.append(call[0]))
    process_shutdown.shut_down_at_exit.cache_clear()
    for _ in range(2):
        streaminstr.stream([b"one"])
    assert registered == [streaminstr.shutdown]
