"""`prime` and `aprime` take the first chunk now, inside of the stream."""

import asyncio
import gc
from contextvars import ContextVar

import pytest

from core_fakes import AsyncIterator, Iterator, by_hand, in_thread, until
from streaminstr import Outcome, current_stream, stream

held = ContextVar("held", default="unset")


class Sync:
    """The sync and the async way by the same names."""

    iterator = Iterator
    exhausted = StopIteration

    @staticmethod
    def gen(chunks, log=None, error=None, cleaned=None):
        def body():
            token = held.set("inside")
            try:
                for chunk in chunks:
                    if log is not None:
                        log.append((held.get(), current_stream().info.name))
                    yield chunk
                if error:
                    raise error
            finally:
                held.reset(token)
                if cleaned is not None:
                    cleaned.append(bool(current_stream()))

        return body()

    @staticmethod
    def prime(made):
        return made.prime()

    step = staticmethod(next)

    @staticmethod
    def read(made):
        return list(made)

    @staticmethod
    def close(made):
        made.close()


class Async:
    iterator = AsyncIterator
    exhausted = StopAsyncIteration

    @staticmethod
    def gen(chunks, log=None, error=None, cleaned=None):
        async def body():
            token = held.set("inside")
            try:
                for chunk in chunks:
                    await asyncio.sleep(0)
                    if log is not None:
                        log.append((held.get(), current_stream().info.name))
                    yield chunk
                if error:
                    raise error
            finally:
                held.reset(token)
                if cleaned is not None:
                    cleaned.append(bool(current_stream()))

        return body()

    @staticmethod
    def prime(made):
        return by_hand(made.aprime())

    @staticmethod
    def step(made):
        return by_hand(anext(made))

    @staticmethod
    def read(made):
        async def chunks():
            return [chunk async for chunk in made]

        return by_hand(chunks())

    @staticmethod
    def close(made):
        by_hand(made.aclose())


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def way(request):
    return request.param


def only(backend):
    (recorded,) = backend.streams
    return recorded


def test_the_first_step_returns_the_chunk_and_later_ones_go_on(way, backend):
    made = stream(way.gen([1, 2, 3]))
    assert way.prime(made) is made
    assert way.read(made) == [1, 2, 3]
    assert (only(backend).outcome, only(backend).report.chunks) == (Outcome.COMPLETED, 3)


def test_it_runs_inside_of_the_stream_as_do_the_later_steps(way, backend):
    log, cleaned = [], []
    made = stream(way.gen([1, 2], log, cleaned=cleaned), name="s")
    way.prime(made)
    assert log == [("inside", "s")]
    assert (held.get(), bool(current_stream())) == ("unset", False)
    way.read(made)
    assert log == [("inside", "s")] * 2
    assert cleaned == [True]


def test_the_chunk_counts_when_it_is_handed_out(way, backend):
    made = stream(way.gen([b"one", b"two"]))
    way.prime(made)
    assert (made.report().chunks, made.report().bytes) == (0, 0)
    assert made.report().time_to_first_chunk is None
    way.step(made)
    assert (made.report().chunks, made.report().bytes) == (1, 3)
    way.close(made)


def test_a_second_call_does_nothing(way, backend):
    log = []
    made = stream(way.gen([1, 2], log))
    assert way.prime(way.prime(made)) is made
    assert len(log) == 1
    assert way.read(made) == [1, 2]


def test_after_a_step_it_does_nothing(way, backend):
    log = []
    made = stream(way.gen([1, 2], log))
    way.step(made)
    assert way.prime(made) is made
    assert len(log) == 1
    assert way.read(made) == [2]


def test_after_a_close_it_does_nothing(way, backend):
    made = stream(way.gen([1]))
    way.close(made)
    assert way.prime(made) is made
    assert backend.started == []
    assert way.read(made) == []


def test_an_early_error_comes_out_and_the_stream_has_failed(way, backend):
    made = stream(way.gen([], error=LookupError("early")))
    with pytest.raises(LookupError, match="early"):
        way.prime(made)
    assert (only(backend).outcome, only(backend).report.error_type) == (
        Outcome.FAILED,
        "LookupError",
    )
    assert way.prime(made) is made
    assert way.read(made) == []


def test_an_empty_body_is_completed(way, backend):
    made = stream(way.gen([]))
    assert way.prime(made) is made
    assert (only(backend).outcome, only(backend).report.chunks) == (Outcome.COMPLETED, 0)
    assert way.read(made) == []


def test_a_later_error_comes_out_of_its_step(way, backend):
    made = way.prime(stream(way.gen([1], error=LookupError())))
    assert way.step(made) == 1
    with pytest.raises(LookupError):
        way.step(made)
    assert only(backend).outcome == Outcome.FAILED


def test_closed_before_the_first_step_it_is_cancelled_and_cleaned_up(way, backend):
    cleaned = []
    made = way.prime(stream(way.gen([1, 2], cleaned=cleaned)))
    way.close(made)
    assert cleaned == [True]
    assert (only(backend).outcome, only(backend).report.chunks) == (Outcome.CANCELLED, 0)
    assert way.read(made) == []


def test_an_iterator_object_is_cleaned_up_once(way, backend):
    body = way.iterator(1, 2)
    made = way.prime(stream(body))
    way.close(made)
    assert len(body.closed_in) == 1


@pytest.mark.filterwarnings("ignore:stream:ResourceWarning")
def test_dropped_before_the_first_step_it_is_abandoned(way, backend):
    made = way.prime(stream(way.iterator(1, 2)))
    del made
    gc.collect()
    assert only(backend).outcome == Outcome.ABANDONED


def test_the_next_thread_steps_on(way, backend):
    made = way.prime(stream(way.gen([1, 2])))
    assert in_thread(way.read, made) == [1, 2]


def test_a_step_that_times_out_may_be_tried_again(way, backend):
    body = way.iterator(error=TimeoutError())
    made = stream(body)
    with pytest.raises(TimeoutError):
        way.prime(made)
    body.chunks.append(7)
    assert way.step(made) == 7
    body.error = None
    assert way.read(made) == []
    assert only(backend).outcome == Outcome.COMPLETED


def test_a_step_that_timed_out_and_was_not_tried_again_has_failed(way, backend):
    made = stream(way.iterator(error=TimeoutError()))
    with pytest.raises(TimeoutError):
        way.prime(made)
    way.close(made)
    assert (only(backend).outcome, only(backend).report.error_type) == (
        Outcome.FAILED,
        "TimeoutError",
    )


def test_inside_of_a_step_it_does_nothing(backend):
    def body():
        yield box[0].prime() is box[0]

    box = [stream(body())]
    assert list(box[0]) == [True]


def test_the_time_of_the_first_step_is_the_producers(backend, monkeypatch):
    times = iter(range(100))
    for module in ("ends", "step", "life", "report"):
        monkeypatch.setattr(f"streaminstr._core.{module}.clock", lambda: next(times))
    made = stream(Sync.gen([1, 2])).prime()
    list(made)
    report = only(backend).report
    assert report.time_to_first_chunk > 0
    assert report.producer_time > 0
    assert report.consumer_time > 0


@pytest.mark.filterwarnings("ignore:stream:ResourceWarning")
@pytest.mark.parametrize(
    "way",
    [
        Sync,
        pytest.param(
            Async, marks=pytest.mark.xfail(run=False, reason="it is cleaned up in a copy of it")
        ),
    ],
)
def test_a_dropped_body_is_cleaned_up_in_its_own_context(way, backend):
    """Where it holds a token across its yields."""
    made = way.prime(stream(way.gen([1, 2])))
    del made
    gc.collect()


# By hand: `send` and `throw`


def test_sending_none_hands_the_chunk_out(backend):
    made = stream(Sync.gen([1, 2])).prime()
    amade = Async.prime(stream(Async.gen([1, 2])))
    assert (made.send(None), by_hand(amade.asend(None))) == (1, 1)
    assert (list(made), Async.read(amade)) == ([2], [2])


def test_sending_a_value_is_refused_as_before_any_first_step(backend):
    """The chunk was not handed out: for its consumer the generator has just begun."""
    made = stream(Sync.gen([1, 2])).prime()
    with pytest.raises(TypeError, match="just-started"):
        made.send("value")
    assert list(made) == [1, 2]


def test_so_it_is_with_an_async_body(backend):
    made = Async.prime(stream(Async.gen([1, 2])))
    with pytest.raises(TypeError, match="just-started"):
        by_hand(made.asend("value"))
    assert Async.read(made) == [1, 2]


def test_throwing_raises_in_the_body_and_the_chunk_is_gone(backend):
    made = stream(Sync.gen([1, 2])).prime()
    with pytest.raises(LookupError):
        made.throw(LookupError())
    assert list(made) == []
    assert only(backend).outcome == Outcome.FAILED


# Async: tasks, cancellation


def test_primed_in_one_task_and_stepped_in_another(backend):
    async def main():
        made = await asyncio.create_task(stream(Async.gen([1, 2])).aprime())
        return [chunk async for chunk in made]

    assert asyncio.run(main()) == [1, 2]


def test_a_cancellation_while_it_waits_is_cancelled(backend):
    cleaned = []

    async def body():
        try:
            yield await asyncio.Event().wait()
        finally:
            cleaned.append(bool(current_stream()))

    async def main():
        made = stream(body())
        task = asyncio.create_task(made.aprime())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert cleaned == [True]
    assert only(backend).outcome == Outcome.CANCELLED


def test_a_timeout_of_its_caller_fires(backend):
    async def body():
        yield await asyncio.Event().wait()

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await stream(body()).aprime()

    asyncio.run(main())
    assert only(backend).outcome == Outcome.CANCELLED


def test_closed_by_a_thread_while_primed_it_is_cleaned_up_on_its_loop(backend):
    cleaned = []

    async def main():
        made = await stream(Async.gen([1, 2], cleaned=cleaned)).aprime()
        await asyncio.to_thread(made.close)
        await until(lambda: cleaned)

    asyncio.run(main())
    assert cleaned == [True]
    assert only(backend).outcome == Outcome.CANCELLED


def test_a_close_while_it_waits_ends_it_when_the_chunk_has_come(backend):
    async def main():
        go = asyncio.Event()

        async def body():
            yield await go.wait()

        made = stream(body())
        task = asyncio.create_task(made.aprime())
        await asyncio.sleep(0)
        made.close()
        go.set()
        await task
        return [chunk async for chunk in made]

    assert asyncio.run(main()) == []
    assert only(backend).outcome == Outcome.CANCELLED


def test_a_begun_body_is_primed_where_its_caller_is(backend):
    it = Sync.gen([1, 2, 3])
    next(it)
    made = stream(it, name="s").prime()
    assert held.get() == "inside"
    assert list(made) == [2, 3]
    assert held.get() == "unset"


def test_what_comes_before_the_first_step_comes_before_the_chunk_that_is_primed():
    made = stream([b"0", b"1"], name="s")
    made._life.handle.prelude = lambda handle, advance: (
        lambda it: (handle.id and b"<") + advance(it)
    )
    assert list(made.prime()) == [b"<0", b"1"]


async def test_so_it_does_for_an_async_stream():
    made = stream(Async.gen([b"0", b"1"]), name="s")

    def prelude(handle, advance):
        async def first(iterator):
            return (handle.id and b"<") + await advance(iterator)

        return first

    made._life.handle.prelude = prelude
    assert [chunk async for chunk in await made.aprime()] == [b"<0", b"1"]
