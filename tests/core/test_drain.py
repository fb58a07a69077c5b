"""A drain: bodies are told, have their time, and then end where they are stepped."""

import asyncio
import contextvars
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import anyio
import pytest
import trio

import streaminstr
from core_fakes import Iterator, bound
from streaminstr import Outcome, _configure, _stopping, current_stream, stream
from streaminstr import _exchange as exchange
from streaminstr._farewell import farewell
from streaminstr._process import drain
from streaminstr._process import shutdown as ending
from streaminstr._process.drain import Drain, end_the_process
from streaminstr._process.handlers import without_vendors

SITE = Path(__file__).parents[1] / "support" / "drain_by_hand.py"
ENDS = Outcome.CANCELLED, "server"
BYE = b"retry: 9\n\n"


@pytest.fixture(autouse=True)
def briefly(monkeypatch):
    monkeypatch.setattr(drain, "_TO_END", 0.2)


def over(grace=0.0):
    """A drain with that grace, from its beginning to its end, in this thread."""
    drain._Streams(monotonic() + grace).end()


@contextmanager
def saying(backend, text=BYE):
    with _configure.forced(_configure.Config(backends=(backend,), farewell=farewell(text))):
        yield


def response_of(body, **options):
    """A stream that is the body of a response of no fixed length."""
    made = stream(body, **options)
    made._life.handle.may_append = True
    return made


def how(recorded):
    return recorded.outcome, recorded.report.cancelled_by


def only(backend):
    (recorded,) = backend.streams
    return recorded


class Consumer:
    """Reads an async stream to its end in a task of its own, while a drain comes and goes."""

    def __init__(self):
        self.chunks, self.task, self.error = [], None, None
        self.is_waiting = asyncio.Event()

    async def read(self, made):
        self.task = asyncio.current_task()
        try:
            async for chunk in made:
                self.chunks.append(chunk)
                self.is_waiting.set()
        except BaseException as error:
            self.error = type(error)
            raise

    async def drained(self, made, grace=0.0):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.read(made))
            await self.is_waiting.wait()
            await asyncio.to_thread(over, grace)


def run_drained(made, grace=0.0):
    async def main():
        consumer = Consumer()
        await consumer.drained(made, grace)
        return consumer

    return asyncio.run(main())


# A step that waits


async def test_a_step_that_waits_ends_and_the_task_of_the_request_is_not_cancelled(backend):
    seen = []

    async def body():
        bound.set("of the stream")
        try:
            yield b"1"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append((asyncio.current_task(), bound.get(), bool(current_stream())))
            raise

    consumer = Consumer()
    await consumer.drained(stream(body()))
    assert seen == [(consumer.task, "of the stream", True)]
    assert (consumer.chunks, consumer.error, consumer.task.cancelling()) == ([b"1"], None, 0)
    assert how(only(backend)) == ENDS


def test_what_it_ends_says_that_it_was_a_drain(backend):
    """Told apart from MAX_AGE, from an operator, and from a server that stops by itself."""

    async def body():
        yield b"1"
        await asyncio.Event().wait()

    run_drained(stream(body()))
    assert only(backend).report.as_attributes()["streaminstr.close_reason"] == "DRAIN"


@pytest.mark.parametrize(
    "wait",
    [
        lambda: asyncio.sleep(60),
        lambda: asyncio.wait_for(asyncio.Queue().get(), 60),
        lambda: asyncio.gather(asyncio.sleep(60), asyncio.sleep(60)),
        lambda: anyio.sleep(60),
        lambda: anyio.Event().wait(),
        lambda: asyncio.to_thread(time.sleep, 0.1),
    ],
)
def test_whatever_it_waits_for(backend, wait):
    async def body():
        yield b"1"
        while True:
            await wait()

    assert run_drained(stream(body())).chunks == [b"1"]
    assert how(only(backend)) == ENDS


def test_a_task_group_of_the_body_is_left_in_its_task(backend):
    left = []

    async def body():
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 60)
            yield b"1"
            try:
                await anyio.sleep(60)
            finally:
                left.append(asyncio.current_task())
                group.cancel_scope.cancel()

    consumer = run_drained(stream(body()))
    assert (left, consumer.error) == ([consumer.task], None)
    assert how(only(backend)) == ENDS


class Source:
    """An async body that is no generator: it could go on."""

    def __init__(self):
        self.closed = []

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.closed:
            await asyncio.Event().wait()
        self.closed.append("stepped")
        return b"1"

    async def aclose(self):
        self.closed.append(asyncio.current_task())


def test_a_body_that_could_go_on_is_closed_in_its_task(backend):
    body = Source()
    consumer = run_drained(stream(body))
    assert body.closed == ["stepped", consumer.task]
    assert how(only(backend)) == ENDS


def test_a_body_that_has_a_word_of_its_own_says_it(backend):
    async def body():
        yield b"1"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield b"bye"

    assert run_drained(stream(body())).chunks == [b"1", b"bye"]
    assert how(only(backend)) == ENDS


def test_an_error_that_it_raises_then_is_its_own(backend):
    async def body():
        yield b"1"
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    async def main():
        consumer = Consumer()
        with pytest.raises(ExceptionGroup):
            await consumer.drained(stream(body()))
        assert consumer.error is LookupError

    asyncio.run(main())
    assert only(backend).outcome is Outcome.FAILED


def test_a_cancellation_of_the_task_gets_through(backend):
    async def body():
        yield b"1"
        await asyncio.Event().wait()

    async def main():
        consumer = Consumer()
        task = asyncio.create_task(consumer.read(stream(body())))
        await consumer.is_waiting.wait()
        task.get_loop().call_soon(task.cancel)
        await asyncio.to_thread(over)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert only(backend).outcome is Outcome.CANCELLED


def test_a_body_that_goes_on_all_the_same_is_told_once_and_lost(backend, caplog):
    told = []

    async def body():
        yield b"1"
        while len(told) < 2:
            try:
                await asyncio.sleep(0.4)
            except asyncio.CancelledError:
                told.append(monotonic())
            else:
                return

    caplog.set_level(logging.INFO, "streaminstr")
    consumer = run_drained(stream(body()))
    assert (consumer.chunks, len(told)) == ([b"1"], 1)
    assert how(only(backend)) == ENDS
    assert "Streams that ended by themselves: 0, closed: 0, lost: 1." in caplog.text


def test_under_trio_the_scope_alone_is_closed(backend):
    async def body():
        yield b"1"
        await trio.sleep(0.4)
        yield b"2"

    async def main():
        async with trio.open_nursery() as nursery:
            made = stream(body())
            assert await anext(made) == b"1"
            nursery.start_soon(trio.to_thread.run_sync, over)
            assert [chunk async for chunk in made] in ([], [b"2"])

    trio.run(main)
    assert how(only(backend)) == ENDS


# Between two steps


def test_a_sync_body_ends_with_its_next_step_where_that_is_taken(backend):
    places = []

    def body():
        try:
            yield b"1"
            yield b"2"  # pragma: no cover - never asked for
        finally:
            places.append((threading.get_ident(), bool(current_stream())))

    made = stream(body())
    assert next(made) == b"1"
    drainer = threading.Thread(target=over)
    drainer.start()
    while not made._life.closing or made._turn:
        time.sleep(0.001)
    assert places == []
    assert list(made) == []
    drainer.join()
    assert places == [(threading.get_ident(), True)]
    assert how(only(backend)) == ENDS


def test_or_with_its_close(backend):
    body = Iterator(1, 2)
    made = stream(body)
    next(made)
    made.end_soon("server")
    made.close()
    made.close()
    assert len(body.closed_in) == 1
    assert how(only(backend)) == ENDS


async def test_so_does_an_async_one_in_the_task_of_that_step(backend):
    tasks = []

    async def body():
        try:
            yield 1
            yield 2  # pragma: no cover - never asked for
        finally:
            await asyncio.sleep(0)
            tasks.append(asyncio.current_task())

    made = stream(body())
    assert await anext(made) == 1
    made.end_soon("server")
    assert [chunk async for chunk in made] == []
    assert tasks == [asyncio.current_task()]
    assert how(only(backend)) == ENDS


async def test_or_with_its_aclose(backend):
    made = stream(Source())
    await anext(made)
    made.end_soon("server")
    await made.aclose()
    assert how(only(backend)) == ENDS


def test_a_stream_that_nobody_steps_any_more_loses_its_scope_and_is_cleaned_up_by_its_close(
    backend,
):
    body = Iterator(1, 2)
    made = stream(body)
    next(made)
    over()
    assert how(only(backend)) == ENDS
    assert body.closed_in == []
    made.close()
    assert len(body.closed_in) == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_that_was_told_and_dropped_is_closed_once(backend):
    body = Iterator(1, 2)
    made = stream(body)
    next(made)
    made.end_soon("server")
    del made
    assert len(body.closed_in) == 1
    assert how(only(backend)) == ENDS


def test_a_step_that_is_blocked_loses_its_scope(backend):
    is_in, go_on = threading.Event(), threading.Event()

    def body():
        is_in.set()
        go_on.wait(30)
        yield b"late"
        yield b"never"  # pragma: no cover - never asked for

    chunks, made = [], stream(body())
    reader = threading.Thread(target=lambda: chunks.extend(made))
    reader.start()
    is_in.wait(30)
    over()
    assert how(only(backend)) == ENDS
    go_on.set()
    reader.join()
    assert chunks == [b"late"]


def test_streams_that_end_by_themselves_within_the_grace_are_left_alone(backend, caplog):
    async def body():
        yield b"1"
        await current_stream().stopped()
        yield b"2"

    caplog.set_level(logging.INFO, "streaminstr")
    _stopping.notify()  # no one waits yet

    async def main():
        consumer = Consumer()
        reading = asyncio.create_task(consumer.read(stream(body())))
        await consumer.is_waiting.wait()
        ends = asyncio.create_task(asyncio.to_thread(over, 30))
        await asyncio.sleep(0.05)
        _stopping.draining = True
        _stopping.notify()
        await asyncio.gather(reading, ends)
        return consumer.chunks

    try:
        assert asyncio.run(main()) == [b"1", b"2"]
    finally:
        _stopping.draining = False
    assert only(backend).outcome is Outcome.COMPLETED
    assert "Streams that ended by themselves: 1, closed: 0, lost: 0." in caplog.text


# The last word


def test_a_waiting_event_stream_says_farewell(backend):
    async def body():
        yield b"data: 1\n\n"
        await asyncio.Event().wait()

    with saying(backend):
        consumer = run_drained(response_of(body(), kind="sse"))
    assert consumer.chunks == [b"data: 1\n\n", BYE]
    assert how(only(backend)) == ENDS
    assert only(backend).report.chunks == 2


def test_also_where_the_body_returns_when_it_is_asked(backend):
    async def body():
        yield b"data: 1\n\n"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    with saying(backend):
        assert run_drained(response_of(body(), kind="sse")).chunks == [b"data: 1\n\n", BYE]


def test_so_does_one_between_two_steps(backend):
    with saying(backend):
        made = response_of(iter([b"data: 1\n\n", b"data: 2\n\n"]), kind="sse")
        next(made)
        made.end_soon("server")
        assert list(made) == [BYE]


async def test_and_an_async_one(backend):
    async def body():
        yield "data: 1\n\n"
        yield "data: 2\n\n"  # pragma: no cover - never asked for

    with saying(backend, lambda: "bye {jitter}"):
        made = response_of(body(), kind="sse")
        await anext(made)
        made.end_soon("server")
        (last,) = [chunk async for chunk in made]
    assert 1000 <= int(last.removeprefix(b"bye ")) <= 5000


@pytest.mark.parametrize("chunk", [b"data: 1", b"data: 1\n", b": pi"])
def test_nothing_is_said_in_half_an_event(backend, chunk):
    with saying(backend):
        made = response_of(iter([chunk, b"\n\n"]), kind="sse")
        next(made)
        made.end_soon("server")
        assert list(made) == []


@pytest.mark.parametrize(("kind", "is_response"), [(None, True), ("sse", False)])
def test_nothing_is_said_by_other_streams(backend, kind, is_response):
    with saying(backend):
        made = stream(iter([b"data: 1\n\n", b"x"]), kind=kind)
        made._life.handle.may_append = is_response
        next(made)
        made.end_soon("server")
        assert list(made) == []


@pytest.mark.parametrize("ending", ["exhausted", "closed", "by the client"])
def test_nothing_is_said_where_the_server_does_not_end_the_stream(backend, ending):
    with saying(backend):
        made = response_of(iter([b"data: 1\n\n"]), kind="sse")
        next(made)
        if ending == "closed":
            made.close()
        elif ending == "by the client":
            made.end_soon("client")
        assert list(made) == []


def test_a_farewell_that_raises_is_none(backend, errors):
    with saying(backend, lambda: 1 // 0):
        made = response_of(iter([b"data: 1\n\n", b"x"]), kind="sse")
        next(made)
        made.end_soon("server")
        assert list(made) == []
    assert sum(errors.values()) == 1


# Beginning


def test_a_drain_that_is_asked_for_twice_goes_on_as_it_was():
    process = Drain()
    process.grace = 30
    process.begin()
    deadline = process.deadline
    process.grace = 1
    assert (process.begin(), process.deadline) == (False, deadline)
    _stopping.draining = False


def test_a_process_that_never_had_a_stream_has_nothing_to_wait_for():
    process = Drain()
    process.grace = 30
    process.begin()
    process.wait(until=float("inf"))
    assert process.remaining() == 0
    _stopping.draining = False


@pytest.fixture
def process(monkeypatch):
    """A drain of its own, in the place of that of this process, which goes on unstopped."""
    monkeypatch.setattr(_stopping, "draining", False)
    monkeypatch.setattr(_stopping, "refuses_from", 0.0)
    monkeypatch.setattr(exchange, "shutting_down", False)
    made = Drain()
    monkeypatch.setattr(ending, "drain", made)
    return made


def test_the_thread_of_a_drain_ends_later_streams_too_until_something_comes_after_it(
    backend, process
):
    flushed, after = [], threading.Event()
    process.prepare(0.01, flushed.append)
    process.prepare(0.01, flushed.append)
    assert process.begin()
    process.wait(until=float("inf"))
    late = stream(iter([1, 2]))
    assert next(late) == 1
    while not late._life.closing:
        time.sleep(0.001)
    assert list(late) == []
    process.then = after.set
    assert after.wait(30)
    assert (len(flushed), process.remaining(), process.begin()) == (1, 0, False)


@pytest.mark.parametrize("accepting", [0.0, 30.0])
def test_a_drain_refuses_event_streams_once_the_server_accepts_no_more(accepting, process):
    process.grace = 60
    process.begin(accepting=accepting)
    assert (_stopping.draining, _stopping.refuses()) == (True, accepting == 0)


def test_a_server_that_was_told_to_stop_still_accepts(process):
    process.grace = 60
    ending._Terminate(signal.SIG_IGN)(signal.SIGTERM, None)
    assert (_stopping.draining, _stopping.refuses()) == (True, False)


def test_a_drain_that_is_under_way_has_its_grace_before_it(process):
    process.grace, process._thread = 30, threading.current_thread()
    assert process.begin()
    assert process.remaining() >= 30


def under_way(process, before):
    """A handler of the signal for a drain that has a thread, in place of `before`."""
    process.grace, process._thread = 30, threading.current_thread()
    return ending._Terminate(before)


def test_the_handler_of_before_is_called_with_each_signal(process):
    calls = []
    handler = under_way(process, lambda number, frame: calls.append(number))
    handler(15, None)
    handler(15, None)
    assert (calls, process.then) == ([15, 15], None)


def test_one_that_cuts_responses_is_called_with_the_second(process):
    calls = []

    def before(number, frame):
        calls.append(number)

    before.__module__ = "twisted.internet"
    handler = under_way(process, before)
    handler(15, None)
    assert (calls, process.then) == ([], end_the_process)
    handler(15, None)
    assert calls == [15]


def test_so_is_the_default(process, monkeypatch):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    handler, was = under_way(process, signal.SIG_DFL), signal.getsignal(signal.SIGTERM)
    try:
        handler(signal.SIGTERM, None)
        assert (raised, process.then) == ([], end_the_process)
        handler(signal.SIGTERM, None)
        assert raised == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, was)


@pytest.fixture
def site(backend, process, monkeypatch):
    """A site that drains; what is flushed, and when SIGTERM is listened to."""
    seen = []
    backend.flush = lambda timeout: seen.append("flushed")
    monkeypatch.setattr(_configure, "drain_of_process", process)
    monkeypatch.setattr(_configure, "watch_for_sigterm", lambda: seen.append(process.grace))
    with _configure.forced(_configure.Config(backends=(backend,), drain=0.01)):
        yield seen
    process.then = list  # its thread ends


def test_a_drain_begins_and_returns_and_the_backends_are_flushed(backend, process, site):
    made = stream([1, 2])
    next(made)
    streaminstr.drain(0.01)
    assert current_stream().stopping
    streaminstr.shutdown(30)
    assert process.is_over
    assert site == ["flushed", "flushed"]
    assert how(only(backend)) == ENDS


def test_the_signal_begins_the_drain_of_the_option(process, site):
    _configure.watch()
    assert site == [0.01]


def test_so_it_does_where_no_framework_says_it(process, site, monkeypatch):
    monkeypatch.setattr(_configure._state, "configured", None)
    streaminstr.configure("log", drain=20)
    assert len(site) == 1


@pytest.mark.parametrize("grace", [0, -1, None, "soon", True, float("nan"), float("inf")])
def test_a_grace_that_is_no_positive_number_is_refused(grace):
    with pytest.raises(streaminstr.StreaminstrError, match="drain"):
        streaminstr.drain(grace)
    assert not current_stream().stopping


def test_what_waits_outside_of_a_stream_hears_of_it_too():
    async def main():
        waiting = asyncio.create_task(current_stream().stopped())
        await asyncio.sleep(0)
        assert not current_stream().stopping
        _stopping.draining = True
        _stopping.notify()
        await waiting
        await current_stream().stopped()
        return current_stream().stopping

    try:
        assert asyncio.run(main())
    finally:
        _stopping.draining = False


def test_so_does_trio(monkeypatch):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(current_stream().stopped)
            await trio.lowlevel.checkpoint()
            monkeypatch.setattr(_stopping, "draining", True)

    trio.run(main)


def test_a_waiter_whose_loop_has_gone_holds_nobody_up():
    loop = asyncio.new_event_loop()
    _stopping._waiters.add((loop, loop.create_future()))
    loop.close()
    _stopping.notify()
    assert not _stopping._waiters


def test_a_stream_whose_loop_has_gone_loses_its_scope(backend):
    async def body():
        yield b"1"
        await asyncio.Event().wait()  # pragma: no cover - its loop has gone

    made = stream(body())
    asyncio.run(contextvars.copy_context().run(made.__anext__))
    over()
    assert how(only(backend)) == ENDS


# Signals


def by_hand(*how):
    """A process that has one open stream is told SIGTERM: its exit status, and what it printed."""
    command = [sys.executable, str(SITE), *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        timer = threading.Timer(30, process.kill)
        timer.start()
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read().splitlines()
        timer.cancel()
    return process.returncode, said


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_at_sigterm_the_process_ends_by_it_once_its_streams_have_ended(kind):
    assert by_hand(kind) == (
        -signal.SIGTERM,
        ["stopping", "cleaned up", "cancelled server", "flushed"],
    )


def test_so_it_does_where_the_drain_has_begun_before_the_signal():
    assert by_hand("sync", "begun") == (
        -signal.SIGTERM,
        ["stopping", "cleaned up", "cancelled server", "flushed"],
    )


def test_a_stream_that_begins_after_the_drain_is_ended_too():
    status, said = by_hand("late", "handler")
    ends = ["stopping", "cleaned up", "cancelled server"]
    assert (status, said) == (0, ["handler", *ends, "flushed", *ends])


def test_a_handler_that_was_there_is_called_at_once():
    status, said = by_hand("async", "handler")
    assert (status, said[0]) == (0, "handler")
    assert said[1:5] == ["stopping", "cleaned up", "cancelled server", "flushed"]


def test_twisteds_own_is_called_once_the_streams_have_ended():
    status, said = by_hand("async", "twisted")
    assert (status, said[-1]) == (0, "handler")


@pytest.mark.parametrize("how", [[], ["handler"]])
def test_ddtrace_stops_its_tracer_after_the_streams_have_ended(how):
    pytest.importorskip("ddtrace")
    status, said = by_hand("async", "ddtrace", *how)
    assert status == (0 if how else -signal.SIGTERM)
    ends = ["stopping", "cleaned up", "cancelled server", "tracer True", "flushed"]
    assert said[: len(how) + 5] == [*how, *ends]


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.default_int_handler])
def test_what_ddtraces_handler_wraps_is_found(before, monkeypatch):
    signals = pytest.importorskip("ddtrace.internal.utils.signals")
    monkeypatch.setattr(signals, "_exit_handlers_installed", set())
    was = signal.signal(signal.SIGTERM, before)
    try:
        signals.handle_signal(signal.SIGTERM, print)
        signals.handle_signal(signal.SIGTERM, repr)
        assert without_vendors(signal.getsignal(signal.SIGTERM)) == before
    finally:
        signal.signal(signal.SIGTERM, was)


def test_a_second_signal_is_not_waited_for():
    assert by_hand("sync", "stubborn")[0] == -signal.SIGTERM


def test_without_the_option_nothing_changes():
    status, said = by_hand("sync", "off")
    assert (status, said) == (-signal.SIGTERM, [])


def test_a_process_without_a_stream_ends_at_once():
    assert by_hand("none") == (-signal.SIGTERM, [])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_does_not_drain_with_its_parent():
    assert "child: False None" in by_hand("sync", "forked")[1]
