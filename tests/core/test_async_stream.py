"""A stream over an async body: the same promises, and its clean-up is awaited where it belongs."""

import asyncio
import contextlib
import gc
import sys
import threading
import types

import anyio
import pytest

from core_fakes import AsyncIterator, bound, by_hand, in_thread, surroundings, switch, until
from streaminstr import Outcome, current_stream, stream
from streaminstr._calls import loop as loops
from streaminstr._core.async_stream import AsyncStream

EAGER = sys.version_info >= (3, 12)


async def three():
    for chunk in (b"a", b"b", b"c"):
        await switch()
        yield chunk


async def failing():
    yield b"a"
    await switch()
    msg = "no more"
    raise LookupError(msg)


async def drain(made):
    return [chunk async for chunk in made]


def only(backend):
    (recorded,) = backend.streams
    return recorded


class Waiting:
    """An async body whose second step waits for ever, and which notes its clean-up."""

    def __init__(self):
        self.waits = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cleaned = []

    async def body(self):
        try:
            yield 0
            self.waits.set()
            await self.go_on.wait()
            yield 1
        finally:
            await asyncio.sleep(0)
            self.cleaned.append(current_stream())


# The start.


async def test_nothing_starts_before_the_first_step(backend):
    made = stream(three())
    made.__anext__().close()
    assert only(backend).events == ["open"]
    await anext(made)
    assert only(backend).events == ["open", "start"]
    await made.aclose()


@pytest.mark.parametrize("end", [AsyncStream.aclose, AsyncStream.close])
async def test_a_stream_that_is_never_stepped_is_opened_and_never_started(backend, end):
    made = stream(three())
    ended = end(made)
    if ended is not None:
        await ended
    assert only(backend).events == ["open"]
    assert await drain(made) == []


async def test_the_body_of_a_stream_that_is_never_stepped_is_aclosed_with_it(backend):
    body = AsyncIterator()
    await stream(body).aclose()
    assert [bool(handle) for handle in body.closed_in] == [False]


async def test_a_stream_gives_what_its_body_gives(backend):
    assert await drain(stream(three())) == [b"a", b"b", b"c"]


async def test_a_stream_is_an_async_iterator(backend):
    made = stream(AsyncIterator())
    assert aiter(made) is made
    assert isinstance(made, AsyncStream)


# The ends.


@pytest.mark.parametrize("body", [three, lambda: AsyncIterator(b"a", b"b", b"c")])
async def test_exhausted_is_completed(backend, body):
    assert await drain(stream(body())) == [b"a", b"b", b"c"]
    assert only(backend).outcome is Outcome.COMPLETED


async def test_after_the_end_there_is_stop_async_iteration_each_time(backend):
    made = stream(AsyncIterator())
    assert [await anext(made, "end"), await anext(made, "end")] == ["end", "end"]


async def test_an_exception_out_of_a_step_is_failed_and_comes_out_unchanged(backend):
    with pytest.raises(LookupError, match="no more") as caught:
        await drain(stream(failing()))
    assert only(backend).outcome is Outcome.FAILED
    assert only(backend).report.error is caught.value


async def test_an_exception_before_any_await_is_failed(backend):
    made = stream(failing())
    await anext(made)
    with pytest.raises(LookupError):
        await made.athrow(LookupError())
    assert only(backend).outcome is Outcome.FAILED


async def test_an_aiter_that_raises_is_failed(backend):
    class Body:
        def __aiter__(self):
            raise LookupError

    with pytest.raises(LookupError):
        await anext(stream(Body()))
    assert only(backend).outcome is Outcome.FAILED


async def test_aclosed_before_its_end_is_cancelled(backend):
    async with stream(three()) as made:
        await anext(made)
    assert only(backend).outcome is Outcome.CANCELLED


async def test_aclosing_twice_or_after_the_end_changes_nothing(backend):
    body = AsyncIterator(1)
    made = stream(body)
    await drain(made)
    await made.aclose()
    await made.aclose()
    made.close()
    assert only(backend).outcome is Outcome.COMPLETED
    assert len(body.closed_in) == 1


async def test_a_cancelled_task_is_cancelled_inside_the_step(backend):
    """The net of the step: nobody calls close, and the scope is closed when the task is done."""
    waiting = Waiting()
    task = asyncio.create_task(drain(stream(waiting.body())))
    await waiting.waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(backend).outcome is Outcome.CANCELLED
    assert only(backend).report.cancelled_by is None
    assert [handle.info.name for handle in waiting.cleaned] == [only(backend).name]


async def test_a_body_may_survive_its_cancellation(backend):
    async def body():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield "survived"

    task = asyncio.create_task(drain(stream(body())))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == ["survived"]
    assert only(backend).outcome is Outcome.COMPLETED


async def test_a_step_that_is_dropped_while_it_waits_is_cancelled(backend):
    made = stream(three())
    step = made.__anext__()
    step.send(None)
    step.close()
    assert only(backend).outcome is Outcome.CANCELLED


async def test_dropped_is_abandoned_and_its_clean_up_is_awaited(backend):
    waiting = Waiting()
    made = stream(waiting.body())
    await anext(made)
    with pytest.warns(ResourceWarning, match="was dropped"):
        del made
    assert only(backend).outcome is Outcome.ABANDONED
    await until(lambda: waiting.cleaned)
    assert [handle.info.name for handle in waiting.cleaned] == [only(backend).name]


async def test_dropped_from_another_thread_its_clean_up_is_awaited_on_its_loop(backend):
    cleaned = asyncio.get_running_loop().create_future()

    async def body():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.set_result(threading.current_thread())

    streams = [stream(body())]
    await anext(streams[0])
    with pytest.warns(ResourceWarning, match="was dropped"):
        await asyncio.to_thread(streams.clear)
    assert await cleaned is threading.current_thread()
    assert only(backend).outcome is Outcome.ABANDONED


async def test_dropped_with_a_body_that_needs_no_clean_up(backend):
    class Body:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return 1

    made = stream(Body())
    await anext(made)
    with pytest.warns(ResourceWarning, match="was dropped"):
        del made
    assert only(backend).outcome is Outcome.ABANDONED


# The body's own clean-up.


async def test_aclose_awaits_the_clean_up_inside_the_stream_before_the_scope(backend):
    async def body():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            seen.append((current_stream().info.name, backend.current.events[-1]))

    seen = []
    async with stream(body(), name="shop") as made:
        await anext(made)
    assert seen == [("shop", "start")]


async def test_an_aiter_that_is_an_async_generator_is_aclosed(backend):
    class Body:
        waiting = Waiting()

        def __aiter__(self):
            return self.waiting.body()

    async with stream(Body()) as made:
        await anext(made)
    assert len(Body.waiting.cleaned) == 1


@pytest.mark.parametrize("error", [LookupError(), asyncio.CancelledError()])
async def test_an_iterator_body_that_ended_in_a_step_is_aclosed_by_aclose_once(backend, error):
    body = AsyncIterator(error=error)
    made = stream(body, name="shop")
    with pytest.raises(type(error)):
        await anext(made)
    await made.aclose()
    await made.aclose()
    assert [handle.info.name for handle in body.closed_in] == ["shop"]


async def test_an_iterator_body_that_ended_in_a_step_is_aclosed_by_close(backend):
    body = AsyncIterator(error=asyncio.CancelledError())
    made = stream(body)
    with pytest.raises(asyncio.CancelledError):
        await anext(made)
    await asyncio.to_thread(made.close)
    await until(lambda: body.closed_in)
    assert only(backend).outcome is Outcome.CANCELLED


async def test_an_error_of_the_clean_up_comes_out_of_aclose_and_the_scope_is_closed(backend):
    async def body():
        try:
            yield 1
        finally:
            raise LookupError

    made = stream(body())
    await anext(made)
    with pytest.raises(LookupError):
        await made.aclose()
    assert only(backend).outcome is Outcome.CANCELLED


async def test_a_clean_up_that_is_cancelled_still_ends_the_stream(backend):
    async def body():
        try:
            yield 1
        finally:
            cleaning.set()
            await asyncio.Event().wait()

    cleaning = asyncio.Event()
    made = stream(body())
    await anext(made)
    task = asyncio.create_task(made.aclose())
    await cleaning.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(backend).outcome is Outcome.CANCELLED


# The synchronous close.


async def test_close_from_a_worker_thread_awaits_the_clean_up_on_the_loop_and_then_closes(backend):
    """As Django does it. The scope is open, and current, while the body cleans up."""
    done = asyncio.Event()
    seen = []

    async def body():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            seen.append((threading.current_thread(), bound.get(), backend.current.is_open))
            done.set()

    token = bound.set("request")
    made = stream(body())
    bound.reset(token)
    await anext(made)
    await asyncio.to_thread(made.close, cancelled_by="client")
    await done.wait()
    await asyncio.sleep(0)
    assert seen == [(threading.current_thread(), "request", True)]
    assert only(backend).report.cancelled_by == "client"


@pytest.mark.skipif(not EAGER, reason="tasks start eagerly from Python 3.12 on")
async def test_close_on_the_loop_starts_the_clean_up_at_once(backend):  # pragma: no cover - 3.12
    async def body():
        try:
            yield 1
        finally:
            seen.append(backend.current.is_open)

    seen = []
    made = stream(body())
    await anext(made)
    made.close()
    assert seen == [True]
    assert only(backend).is_closed


async def test_close_on_the_loop_runs_the_clean_up_soon(backend):
    waiting = Waiting()
    made = stream(waiting.body())
    await anext(made)
    made.close()
    made.close()
    await until(lambda: only(backend).is_closed)
    assert len(waiting.cleaned) == 1


async def test_close_of_a_body_without_aclose_is_done_when_it_returns(backend):
    class Body:
        closed = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            return 1

        def close(self):
            self.closed += 1

    body = Body()
    made = stream(body)
    await anext(made)
    await asyncio.to_thread(made.close)
    assert only(backend).outcome is Outcome.CANCELLED
    await made.aclose()
    assert body.closed == 1


async def test_close_after_an_async_generator_was_exhausted_gives_the_loop_nothing_to_do(backend):
    made = stream(three())
    await drain(made)
    before = asyncio.all_tasks()
    made.close()
    assert asyncio.all_tasks() == before
    assert not loops._tasks


async def test_close_during_a_step_ends_the_stream_when_that_step_returns(backend):
    waiting = Waiting()
    made = stream(waiting.body())
    await anext(made)
    step = asyncio.create_task(drain(made))
    await waiting.waits.wait()
    await asyncio.to_thread(made.close)
    assert only(backend).is_open
    waiting.go_on.set()
    assert await step == [1]
    assert only(backend).outcome is Outcome.CANCELLED
    assert only(backend).report.chunks == 2
    assert len(waiting.cleaned) == 1


async def test_aclose_during_a_step_ends_the_stream_when_that_step_returns(backend):
    waiting = Waiting()
    made = stream(waiting.body())
    await anext(made)
    step = asyncio.create_task(drain(made))
    await waiting.waits.wait()
    await made.aclose()
    assert only(backend).is_open
    waiting.go_on.set()
    assert await step == [1]
    assert only(backend).outcome is Outcome.CANCELLED


async def test_close_during_a_step_that_fails_is_failed_and_runs_the_closers(backend):
    class Body:
        closed = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            made.close()
            raise LookupError

        def close(self):
            self.closed += 1

    body = Body()
    made = stream(body)
    with pytest.raises(LookupError):
        await anext(made)
    assert only(backend).outcome is Outcome.FAILED
    assert body.closed == 1


@pytest.mark.parametrize("error", [None, LookupError(), asyncio.CancelledError()])
async def test_close_during_the_last_step_gets_the_body_aclosed(backend, error):
    class Body(AsyncIterator):
        async def __anext__(self):
            await asyncio.to_thread(made.close)
            return await super().__anext__()

    body = Body(error=error)
    made = stream(body)
    with contextlib.suppress(LookupError, asyncio.CancelledError):
        assert await anext(made, "end") == "end"
    await until(lambda: body.closed_in)
    assert len(body.closed_in) == 1


def test_close_after_the_loop_is_gone_closes_the_scope(backend):
    made = stream(AsyncIterator(1, 2))
    asyncio.run(anext_of(made))
    made.close()
    assert only(backend).outcome is Outcome.CANCELLED


def test_an_async_generator_closed_after_its_loop_is_gone_has_cleaned_up_once(backend):
    """asyncio.run closes async generators at its end; what is left to us is the scope."""
    cleaned = []

    async def body():
        try:
            yield 1
        finally:
            cleaned.append(current_stream())

    made = stream(body())
    asyncio.run(anext_of(made))
    made.close()
    assert only(backend).outcome is Outcome.CANCELLED
    assert len(cleaned) == 1


def test_close_of_a_step_that_its_loop_left_waiting_closes_the_scope(backend):
    async def start():
        step.send(None)

    made = stream(three())
    step = made.__anext__()
    asyncio.run(start())
    made.close()
    assert only(backend).outcome is Outcome.CANCELLED
    step.close()


def test_dropped_after_its_loop_is_gone_is_abandoned(backend):
    made = stream(AsyncIterator(1, 2))
    asyncio.run(anext_of(made))
    with pytest.warns(ResourceWarning, match="was dropped"):
        del made
    assert only(backend).outcome is Outcome.ABANDONED


def test_a_close_that_its_loop_never_came_to_is_made_good_by_another(backend):
    async def start():
        await anext(made)
        asyncio.get_running_loop().stop()
        in_thread(made.close)

    made = stream(AsyncIterator(1, 2))
    loop = asyncio.new_event_loop()
    task = loop.create_task(start())
    loop.run_forever()
    loop.close()
    assert task.done()
    assert only(backend).is_open
    made.close()
    assert only(backend).outcome is Outcome.CANCELLED
    loops._tasks.clear()


async def anext_of(made):
    return await anext(made)


# The step.


async def test_the_stream_is_current_inside_a_step_and_nowhere_else(backend):
    seen = []

    async def body():
        seen.append(current_stream().info.name)
        await asyncio.sleep(0)
        seen.append(current_stream().info.name)
        yield 1

    made = stream(body(), name="shop")
    await anext(made)
    assert seen == ["shop", "shop"]
    assert not current_stream()
    await made.aclose()


async def test_the_callers_context_is_unchanged_by_each_step(backend):
    async def body():
        bound.set("by the body")
        await asyncio.sleep(0)
        yield 1
        bound.set("again")
        yield 2

    before = surroundings()
    made = stream(body())
    after = [surroundings() async for _ in made]
    await made.aclose()
    assert [*after, surroundings()] == [before] * 3


async def test_what_runs_beside_a_waiting_step_sees_nothing_of_it(backend):
    waiting = Waiting()
    made = stream(waiting.body())
    await anext(made)
    step = asyncio.create_task(anext_of(made))
    await waiting.waits.wait()
    assert not current_stream()
    waiting.go_on.set()
    await step
    await made.aclose()


async def test_a_step_sees_what_was_bound_where_the_stream_was_made(backend):
    seen = []

    async def body():
        seen.append(bound.get())
        bound.set("own")
        yield 1
        seen.append(bound.get())

    token = bound.set("request")
    made = stream(body())
    bound.reset(token)
    await drain(made)
    assert seen == ["request", "own"]


async def test_the_steps_run_in_the_task_that_asks_for_them(backend):
    tasks = []

    async def body():
        while True:
            tasks.append(asyncio.current_task())
            await asyncio.sleep(0)
            yield 1

    made = stream(body())
    askers = [asyncio.create_task(anext_of(made))]
    await askers[0]
    askers.append(asyncio.create_task(anext_of(made)))
    await askers[1]
    askers.append(asyncio.current_task())
    await anext(made)
    await made.aclose()
    assert tasks == askers


async def test_a_timeout_inside_a_body_fires(backend):
    async def body():
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            yield "late"

    assert await drain(stream(body())) == ["late"]


async def test_a_cancel_scope_of_anyio_inside_a_body_fires(backend):
    async def body():
        with anyio.move_on_after(0) as scope:
            await anyio.sleep_forever()
        yield scope.cancelled_caught

    assert await drain(stream(body())) == [True]


async def test_tasks_that_a_body_creates_inherit_its_stream(backend):
    async def name():
        await asyncio.sleep(0)
        return current_stream().info.name, backend.current.name

    async def body():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(name()) for _ in range(2)]
        yield [task.result() for task in tasks]

    made = stream(body(), name="shop")
    assert await drain(made) == [[("shop", "shop")] * 2]


async def test_streams_that_take_turns_do_not_mix(backend):
    async def body(name):
        for _ in range(3):
            await asyncio.sleep(0)
            yield name == current_stream().info.name == backend.current.name

    streams = [stream(body(name), name=name) for name in "abc"]
    results = await asyncio.gather(*map(drain, streams))
    assert results == [[True] * 3] * 3


async def test_a_stream_may_be_the_body_of_a_stream(backend):
    async with stream(stream(three())) as made:
        assert await anext(made) == b"a"
    assert [one.outcome for one in backend.streams] == [Outcome.CANCELLED] * 2


async def test_the_awaitables_of_a_body_may_be_generators(backend):
    """`types.coroutine` makes such ones: they can be awaited, and have no `__await__`."""

    class Body:
        closed = 0

        def __aiter__(self):
            return self

        @types.coroutine
        def __anext__(self):
            yield
            return b"a"

        @types.coroutine
        def aclose(self):
            yield
            self.closed += 1

    body = Body()
    async with stream(body) as made:
        assert await anext(made) == b"a"
    assert body.closed == 1


async def test_a_second_step_at_the_same_time_raises_and_does_the_first_no_harm(backend):
    waiting = Waiting()
    made = stream(waiting.body())
    await anext(made)
    step = asyncio.create_task(drain(made))
    await waiting.waits.wait()
    with pytest.raises(RuntimeError, match="already running"):
        await anext(made)
    waiting.go_on.set()
    assert await step == [1]
    assert only(backend).outcome is Outcome.COMPLETED


# `asend` and `athrow`.


async def echo():
    got = None
    while got != "stop":
        try:
            got = yield got
        except LookupError:
            got = "caught"


async def test_asend_passes_through(backend):
    made = stream(echo())
    await made.asend(None)
    assert [await made.asend("a"), await made.asend("b")] == ["a", "b"]
    with pytest.raises(StopAsyncIteration):
        await made.asend("stop")
    assert only(backend).outcome is Outcome.COMPLETED


async def test_athrow_passes_through_and_may_be_caught(backend):
    async with stream(echo()) as made:
        await anext(made)
        assert await made.athrow(LookupError()) == "caught"


async def test_athrow_before_the_first_step_starts_the_stream_and_fails_it(backend):
    error = LookupError()
    with pytest.raises(LookupError) as caught:
        await stream(echo()).athrow(error)
    assert caught.value is error
    assert only(backend).outcome is Outcome.FAILED


# Without asyncio.


def test_a_stream_needs_no_event_loop(backend):
    made = stream(three())
    assert by_hand(anext_of(made)) == b"a"
    assert by_hand(drain(made)) == [b"b", b"c"]
    assert only(backend).outcome is Outcome.COMPLETED


def test_without_a_loop_aclose_still_awaits_the_clean_up(backend):
    body = AsyncIterator(1, 2)
    made = stream(body)
    by_hand(anext_of(made))
    by_hand(made.aclose())
    assert len(body.closed_in) == 1
    assert only(backend).outcome is Outcome.CANCELLED


def test_without_a_loop_close_closes_the_scope(backend):
    made = stream(AsyncIterator(1, 2))
    by_hand(anext_of(made))
    in_thread(made.close)
    assert only(backend).outcome is Outcome.CANCELLED


def test_trio_drives_a_stream_and_cancels_it(backend):
    trio = pytest.importorskip("trio")

    async def body():
        yield current_stream().info.name
        await trio.sleep_forever()

    async def main():
        made = stream(body(), name="shop")
        first = await anext(made)
        with trio.move_on_after(0.01):
            await anext(made)
        return first

    assert trio.run(main) == "shop"
    assert only(backend).outcome is Outcome.CANCELLED


async def test_dropped_in_a_cycle_the_clean_up_of_a_generator_runs_once_and_to_its_end(backend):
    """It is the interpreter's to close: a second `aclose` of ours would cut the first one short."""
    cleaned, errors = [], []

    class Body:
        async def __aiter__(self):
            try:
                yield b"a"
            finally:
                await asyncio.sleep(0)
                cleaned.append(1)

    async def drop():
        made = stream(Body())
        await anext(made)
        cycle = [made]
        cycle.append(cycle)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    await drop()
    with pytest.warns(ResourceWarning):
        gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert (cleaned, errors) == ([1], [])
