"""`open_streams()`: what is open in this process, seen from any thread."""

import asyncio
import dataclasses
import gc
import os
import socket
import sys
import threading

import pytest

from core_fakes import in_thread, until
from streaminstr import _configure, _stopping, asgi, current_stream, open_streams, stream, wsgi
from streaminstr._core.life import open_lives
from streaminstr._process import open_streams as module
from streaminstr._process import waits
from streaminstr._wrap import make_handle, push
from streaminstr.testing import RecordingBackend
from streaminstr.types import OpenStream

SECRET = "s3cret-t0ken"  # noqa: S105 - what must not be seen
FACTS = {"http.route": "orders/<int:pk>/", "http.request.method": "GET", "url.path": "/orders/7/"}


def only():
    (one,) = open_streams()
    return one


def rows():
    yield b"one"
    yield b"two"
    yield b"three"


def opened(body=None, **options):
    made = stream(rows() if body is None else body, **{"name": "orders.export", **options})
    next(made)
    return made


# What is in it


def test_where_nothing_is_open_there_is_nothing():
    assert open_streams() == []


def test_a_stream_is_there_from_its_first_step_to_its_end(backend):
    made = stream(rows())
    assert open_streams() == []
    next(made)
    assert len(open_streams()) == 1
    made.close()
    assert open_streams() == []


def test_it_says_which_stream_it_is(backend):
    with opened(attributes=FACTS):
        one = only()
    assert one.id == backend.streams[0].info.stream_id
    assert (one.name, one.route, one.method) == ("orders.export", "orders/<int:pk>/", "GET")
    assert one.worker == f"{socket.gethostname()}:{os.getpid()}"


def test_what_an_adapter_says_after_the_first_step_is_in_it(backend):
    with opened() as made:
        made._life.handle.describe("GET orders/", FACTS, has_started=True)
        assert (only().route, only().method) == ("orders/<int:pk>/", "GET")


def test_what_is_no_text_is_no_route(backend):
    with opened(attributes={"http.route": 7}):
        assert (only().route, only().method) == (None, None)


def test_it_cannot_be_changed(backend):
    with opened(), pytest.raises(dataclasses.FrozenInstanceError):
        only().name = "another"


def test_the_oldest_comes_first(backend):
    made = [opened(name=name) for name in ("first", "second", "third")]
    assert [one.name for one in open_streams()] == ["first", "second", "third"]
    for one in made:
        one.close()


@pytest.fixture
def now(monkeypatch):
    """The time, for a test to move."""
    moment = [100.0]
    rooms = ("_core.ends", "_core.step", "_core.life", "_events", "_process.open_streams", "_push")
    for room in rooms:
        monkeypatch.setattr(f"streaminstr.{room}.clock", lambda: moment[0])
    return moment


def test_times_and_numbers(backend, now):
    with opened() as made:
        now[0] += 5
        next(made)
        now[0] += 3
        one = only()
    assert (one.age, one.idle, one.chunks, one.bytes) == (8.0, 3.0, 2, 6)
    assert one.events is None


def test_of_an_event_stream_events_count_and_pings_do_not(backend, now):
    body = iter([b"data: 1\n\n", b": ping\n\n"])
    with stream(body, kind="sse") as made:
        next(made)
        now[0] += 5
        next(made)
        now[0] += 3
        one = only()
    assert (one.idle, one.chunks, one.events) == (8.0, 2, 1)


def test_before_the_first_event_it_is_idle_since_its_first_step(backend, now):
    made = stream(iter([b": ping\n\n"]), kind="sse")
    now[0] += 5  # which no one has spent waiting for it
    with made:
        next(made)
        now[0] += 3
        assert (only().age, only().idle) == (3.0, 3.0)


def test_rates_are_for_each_second_of_the_body_at_work(backend, now):
    seen = []

    def body():
        current_stream().add("tokens", 10, rate=True)
        now[0] += 2
        yield 1
        now[0] += 2
        seen.append(only())

    with stream(body()) as made:
        next(made)
        now[0] += 7
        assert only().rates == {"tokens": 5.0}
        next(made, None)
    assert seen[0].rates == {"tokens": 2.5}


def test_a_stream_that_is_pushed_is_there_too(backend, now):
    config = _configure.current()
    made = push(make_handle(config, "pushed", FACTS), config, None, 100.0)
    now[0] += 1
    assert only().turn == "producer"
    made.push(b"one", now[0])
    now[0] += 2
    one = only()
    assert (one.age, one.idle, one.chunks, one.bytes, one.turn) == (3.0, 2.0, 1, 3, "consumer")
    made.close()
    made.withdraw()


# Whose turn it is


def test_between_steps_it_is_the_consumers_turn(backend):
    with opened():
        assert only().turn == "consumer"


def test_within_a_step_the_bodys_or_that_of_what_it_reads(backend):
    def inner():
        yield {one.name: one.turn for one in open_streams()}

    def body():
        with stream(inner(), name="inner") as read:
            yield next(read)
            yield {one.name: one.turn for one in open_streams()}

    with stream(body(), name="outer") as made:
        assert next(made) == {"outer": "upstream", "inner": "producer"}
        assert next(made) == {"outer": "producer", "inner": "consumer"}


async def test_of_async_streams_too(backend):
    async def inner():
        await asyncio.Event().wait()
        yield 1  # pragma: no cover - it waits

    async def body():
        async for chunk in stream(inner(), name="inner"):  # pragma: no cover - it waits
            yield chunk

    async with stream(body(), name="outer") as made:
        task = asyncio.ensure_future(made.__anext__())
        await until(lambda: len(open_streams()) == 2)
        turns = {one.name: one.turn for one in open_streams()}
        task.cancel()
        await asyncio.wait([task])
    assert turns == {"outer": "upstream", "inner": "producer"}


# What will become of it


def test_a_drain_shows(backend, monkeypatch):
    with opened():
        assert not only().draining
        monkeypatch.setattr(_stopping, "draining", True)
        assert only().draining


@pytest.mark.parametrize(
    ("reason", "limited"), [("MAX_AGE", True), ("MAX_STALL", True), ("leaked", False)]
)
def test_a_limit_that_is_over_shows(backend, reason, limited):
    with opened() as made:
        assert not only().limited
        made.end_soon("server", reason)
        assert only().limited is limited


# The ids of the span


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({"trace_id": "a1", "span_id": "b2", "trace_flags": "01"}, ("a1", "b2")),
        ({"dd.trace_id": "11", "dd.span_id": "22", "dd.service": "shop"}, ("11", "22")),
        (
            {"dd.trace_id": "11", "dd.span_id": "22", "trace_id": "a1", "span_id": "b2"},
            ("a1", "b2"),
        ),
        ({"dd.trace_id": 11}, ("11", None)),
        ({"request_id": "r"}, (None, None)),
    ],
)
def test_the_ids_are_those_of_the_log_lines(fields, ids):
    class Backend(RecordingBackend):
        def open(self, info):
            scope = super().open(info)
            start = scope.start
            scope.start = lambda: (start(), fields)[1]
            return scope

    with _configure.forced(_configure.assemble((Backend(),))), opened():
        assert (only().trace_id, only().span_id) == ids


# While streams go on and end


def test_a_stream_that_has_ended_meanwhile_is_left_out(backend):
    made = opened()
    snapshot = module._Snapshot(open_lives())
    made.close()
    assert snapshot.row(snapshot.lives[0]) is None


def test_so_is_one_that_was_dropped_before_it_was_looked_at(backend):
    made = opened()
    lives = open_lives()
    with pytest.warns(ResourceWarning):
        del made
    snapshot = module._Snapshot(lives)
    assert snapshot.row(lives[0]) is None


def test_a_look_that_fails_shows_dots_and_all_the_rest(backend, errors, monkeypatch):
    def fail(*_):
        raise TypeError

    with opened():
        monkeypatch.setattr(waits.Look, "waits_of", fail)
        one = only()
    assert (one.name, one.waits, one.waits_at) == ("orders.export", ("...",), "")
    assert sum(errors.values()) == 1


def test_it_can_be_asked_for_in_any_thread(backend):
    with opened():
        assert in_thread(only).name == "orders.export"


class Stepping:
    """A thread that steps streams as fast as it can, one after the other, until it is stopped."""

    def __init__(self, body):
        self.body, self.barrier = body, threading.Barrier(2, timeout=60)
        self.is_over = False
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        self.barrier.wait()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join(60)
        assert not self.thread.is_alive()

    def _run(self):
        self.barrier.wait()
        while not self.is_over:
            self.read()

    def read(self):
        try:
            for _ in stream(self.body(), name="stepped"):
                pass
        except ZeroDivisionError:
            pass


class AsyncStepping(Stepping):
    def read(self):
        asyncio.run(self._read())

    async def _read(self):
        for _ in range(20):
            try:
                async for _ in stream(self.body(), name="stepped"):
                    pass
            except ZeroDivisionError:
                pass


def nested():
    yield from rows()
    yield from stream(map(bytes, rows()), name="inner")


def raising():
    yield from nested()
    1 / 0  # noqa: B018


async def arows():
    for chunk in rows():
        await asyncio.sleep(0)
        yield chunk


async def anested():
    async for chunk in stream(arows(), name="inner"):
        yield chunk


async def araising():
    async for chunk in anested():
        yield chunk
    1 / 0  # noqa: B018


class Objects:
    def __init__(self):
        self.left = 3

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return b"x"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        *((Stepping, body) for body in (nested, raising)),
        *((AsyncStepping, body) for body in (anested, araising, Objects)),
    ],
)
def test_streams_may_step_raise_and_end_meanwhile(backend, errors, monkeypatch, kind, body):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    seen = []
    try:
        with kind(body):
            while len(seen) < 200:
                seen += open_streams()
    finally:
        sys.setswitchinterval(before)
    assert errors == {}
    assert {one.name for one in seen} <= {"stepped", "inner"}


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_does_not_run_while_frames_are_looked_at(backend, is_on):
    """Python 3.11 crashes where it does, and another thread goes on. It is as before then."""
    held = stream(rows())
    next(held)
    runs = []
    before = gc.get_threshold(), gc.isenabled()
    gc.callbacks.append(lambda phase, info: runs.append(sys._getframe(1).f_code.co_qualname))
    try:
        gc.enable() if is_on else gc.disable()
        gc.set_threshold(1)
        only()
        assert gc.isenabled() is is_on
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*before[0])
        gc.enable() if before[1] else gc.disable()
    held.close()
    assert [name for name in runs if name in {"place_of", "Look.__init__", "Look._note"}] == []


# What is never in it


def secretive():
    token = SECRET
    yield len(token)


def assert_is_silent():
    one = only()
    assert SECRET not in repr(one)
    assert isinstance(one, OpenStream)


def test_no_variable_of_a_body(backend):
    with opened(secretive(), attributes={**FACTS, "user": SECRET, "url.path": f"/{SECRET}/"}):
        current_stream()
        assert_is_silent()


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": f"/reset/{SECRET}/",
    "QUERY_STRING": f"token={SECRET}",
    "HTTP_COOKIE": f"session={SECRET}",
    "HTTP_AUTHORIZATION": f"Bearer {SECRET}",
}


def test_nothing_of_a_request_under_wsgi(backend):
    def application(environ, start_response):
        start_response("200 OK", [("Set-Cookie", f"session={SECRET}")])
        return secretive()

    answer = wsgi.StreamScopeMiddleware(application)(dict(ENVIRON), lambda *_: None)
    next(iter(answer))
    assert_is_silent()
    assert only().waits_at.endswith(" secretive")
    answer.close()


async def test_nothing_of_a_request_under_asgi(backend):
    async def application(scope, receive, send):
        headers = [(b"set-cookie", SECRET.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": SECRET.encode(), "more_body": True})
        await receive()

    async def nothing(_):
        pass

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/reset/{SECRET}/",
        "query_string": f"token={SECRET}".encode(),
        "headers": [(b"cookie", SECRET.encode()), (b"authorization", SECRET.encode())],
    }
    net = asgi.StreamScopeMiddleware(application)
    task = asyncio.create_task(net(scope, asyncio.Event().wait, nothing))
    await until(open_streams)
    assert_is_silent()
    task.cancel()
    await asyncio.wait([task])
