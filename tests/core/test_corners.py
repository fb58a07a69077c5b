"""What comes seldom: a second begin, an end inside of an end, a race for the turn."""

import asyncio
from math import inf

import pytest

from core_fakes import by_hand
from streaminstr import (
    Outcome,
    StreamInfo,
    _configure,
    _stopping,
    close_stream,
    current_stream,
    stream,
)
from streaminstr._configure import current
from streaminstr._core.config import Config
from streaminstr._core.handle import StreamHandle
from streaminstr._core.life import Life
from streaminstr._core.stream import Stream
from streaminstr._process import progress
from streaminstr._push import PushedStream
from streaminstr._wrap import make_handle, push


def test_a_first_step_that_was_interrupted_starts_nothing_twice(backend):
    made = stream([1])
    made._life.enter(made._life.begin)
    assert list(made) == [1]
    assert backend.streams[0].events == ["open", "start", "close"]


def test_a_stream_that_is_ended_while_its_report_is_made_is_closed_once(backend):
    """As by another thread."""
    made = stream([1])
    next(made)
    life, final = made._life, made._life.final

    class Twice(Life):
        __slots__ = ()

        def final(self, meter, error):
            self.__class__ = Life
            self.end(meter, error)
            return final(meter, error)

    life.__class__ = Twice
    made.close()
    assert backend.streams[0].events == ["open", "start", "close"]


def test_an_ended_stream_is_shown_no_more(backend):
    with _configure.forced(_configure.assemble((backend,), progress_interval=inf)):
        made = stream([1])
        assert list(made) == [1]
    progress._show(made._life)
    assert backend.streams[0].events == ["open", "start", "close"]


def test_to_prime_while_another_thread_has_the_turn_is_refused(backend):
    made = stream([1])
    made._turn.pop()
    with pytest.raises(RuntimeError, match="already running"):
        made.prime()
    made._turn.append(None)
    assert list(made) == [1]


class Plain:
    """What it awaits is an iterator, and no generator."""

    def __init__(self):
        self.left = 1

    def __aiter__(self):
        return self

    def __anext__(self):
        return self

    def __await__(self):
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return iter(())


async def anext_of(made):
    return await anext(made)


def test_an_awaitable_may_be_a_plain_iterator(backend):
    made = stream(Plain())
    assert by_hand(anext_of(made)) is None
    with pytest.raises(StopAsyncIteration):
        by_hand(anext_of(made))
    assert backend.streams[0].outcome is Outcome.COMPLETED


def test_a_cut_generator_ends_the_stream_over_its_stream_too(backend):
    def rows():
        yield 1
        raise TimeoutError

    made = stream(stream(rows(), name="inner"), name="outer")
    assert next(made) == 1
    with pytest.raises(TimeoutError):
        next(made)
    assert {one.name: one.outcome for one in backend.streams} == {
        "inner": Outcome.FAILED,
        "outer": Outcome.FAILED,
    }


def test_a_bare_handle_has_the_numbers_alone(backend):
    life = Life(Config(backends=(backend,)), StreamHandle(StreamInfo(name="bare")))
    made = Stream(life, iter([b"1", b"2"]), len)
    assert next(made) == b"1"
    assert list(made) == [b"2"]
    report = backend.streams[0].report
    assert (report.chunks, report.bytes, report.marks) == (2, 2, {})


def test_a_bare_handle_leaves_the_exception_of_a_failed_body_in_the_report(backend):
    life = Life(Config(backends=(backend,)), StreamHandle(StreamInfo(name="bare")))
    error = LookupError()
    with pytest.raises(LookupError):
        Stream(life, raising(error), len).step()
    assert backend.streams[0].report.error is error


def raising(error):
    raise error
    yield


async def test_what_does_not_wait_is_not_interrupted(backend):
    made = stream(Plain())
    made._interrupt()
    assert not made._is_interrupted
    await made.aclose()


def test_a_body_that_closes_its_stream_while_it_is_primed_has_no_chunks(backend):
    def body():
        box[0].close()
        yield 1

    box = [stream(body())]
    assert list(box[0].prime()) == []
    assert backend.streams[0].outcome is Outcome.CANCELLED


def test_a_stream_is_found_among_others(backend):
    first, second = stream([1, 2], name="first"), stream([1, 2], name="second")
    next(first)
    next(second)
    ids = {one.name: one.info.stream_id for one in backend.streams}
    assert close_stream(ids["first"])
    assert close_stream(ids["second"])
    first.close()
    second.close()


def test_a_pushed_stream_can_be_asked_to_end(backend):
    config = current()
    made = push(make_handle(config, "pushed", None), config, None, 0.0)
    assert isinstance(made, PushedStream)
    made.end_soon("server")
    made.hold()
    made.hold()
    made.end(None)
    made.withdraw()
    assert (backend.streams[0].outcome, backend.streams[0].report.cancelled_by) == (
        Outcome.CANCELLED,
        "server",
    )


def test_a_body_sees_that_the_process_does_not_drain(backend):
    def body():
        yield current_stream().stopping

    assert list(stream(body())) == [False]


async def test_a_waiter_that_was_cancelled_is_not_woken():
    waiting = asyncio.ensure_future(_stopping.stopped())
    await asyncio.sleep(0)
    ((_, future),) = _stopping._waiters
    waiting.cancel()
    _stopping.notify()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert future.cancelled()
    assert not _stopping._waiters


def test_a_forked_child_does_not_drain(monkeypatch):
    monkeypatch.setattr(_stopping, "draining", True)
    _stopping._forget()
    assert not _stopping.draining
