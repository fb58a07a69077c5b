"""What an ASGI application leaves open or leaks ends with its call."""

import asyncio
import contextlib
import contextvars
import io
from contextvars import ContextVar

import pytest

import streaminstr
from adapter import adapt
from server_by_hand import Blocked, ByHand, gone
from streaminstr import Outcome
from streaminstr._calls import guard
from streaminstr.asgi import StreamScopeMiddleware

leaked = ContextVar("leaked", default="clean")
kept = []


@pytest.fixture(autouse=True)
def forget():
    kept.clear()
    guard.errors.clear()


class Body:
    """An async body that notes its clean-up, which may wait, or fail."""

    def __init__(self, clean_up=None):
        self.cleaned = 0
        self._clean_up = clean_up

    async def __call__(self):
        try:
            while True:
                yield b"chunk"
        finally:
            self.cleaned += 1
            if self._clean_up is not None:
                await self._clean_up()


def leaves_open(*bodies):
    """An application that takes one chunk of each response and forgets them, out of reach of gc."""

    async def app(scope, receive, send):
        for body in bodies:
            stream = adapt(body(), scope)
            kept.append(stream)
            await anext(stream)
        if scope["path"] == "/block":
            await send({"type": "http.response.start", "status": 200})

    return app


async def serve(app, **options):
    server = ByHand(**options)
    await server.call(StreamScopeMiddleware(app))
    return server


async def test_what_is_left_open_is_closed_at_the_end_of_the_call(recorded):
    body = Body()
    await serve(leaves_open(body))
    assert body.cleaned == 1
    assert recorded.closed[0].outcome is Outcome.CANCELLED


async def test_a_sync_stream_that_is_left_open_is_closed_too(recorded):
    def body():
        try:
            yield b"chunk"
        finally:
            kept.append("cleaned")

    async def app(scope, receive, send):
        kept.append(adapt(body(), scope))
        next(kept[0])

    await serve(app)
    assert kept[1:] == ["cleaned"]
    assert recorded.closed[0].outcome is Outcome.CANCELLED


async def test_a_stream_that_was_never_stepped_is_closed_without_a_scope(recorded):
    resource = io.StringIO()

    async def app(scope, receive, send):
        kept.append(adapt(resource, scope))

    await serve(app)
    assert resource.closed
    assert recorded.started == []


async def test_clean_up_runs_in_the_context_of_the_stream_and_in_the_task_of_the_request(recorded):
    seen = []

    async def look():
        seen.append((streaminstr.current_stream().info.name, asyncio.current_task()))

    await serve(leaves_open(Body(look)))
    assert seen == [("left", asyncio.current_task())]


async def test_the_cause_is_known_where_the_client_has_left(recorded):
    async def app(scope, receive, send):
        await receive()
        await leaves_open(Body())(scope, receive, send)
        server.leave()
        await receive()

    server = ByHand()
    await server.call(StreamScopeMiddleware(app))
    assert recorded.closed[0].report.cancelled_by == "client"


async def test_clean_up_that_fails_is_reported_and_stops_nothing(recorded, caplog):
    async def fail():
        raise KeyError

    bodies = Body(fail), Body()
    await serve(leaves_open(*bodies))
    assert [body.cleaned for body in bodies] == [1, 1]
    assert len(recorded.closed) == 2
    assert "aclose: KeyError" in caplog.text


async def test_an_exception_of_the_application_goes_on_and_all_is_closed(recorded):
    async def app(scope, receive, send):
        await leaves_open(Body())(scope, receive, send)
        raise KeyError

    with pytest.raises(KeyError):
        await serve(app)
    assert len(recorded.closed) == 1


async def test_a_second_cancellation_does_not_leave_anything_open(recorded):
    cleaning = asyncio.Event()

    async def wait():
        cleaning.set()
        await asyncio.Event().wait()

    blocked = Blocked(0)
    bodies = Body(wait), Body()
    server = ByHand(path="/block", on_send=blocked)
    task = asyncio.create_task(server.call(StreamScopeMiddleware(leaves_open(*bodies))))
    await blocked.is_waiting.wait()
    task.cancel()
    await cleaning.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [body.cleaned for body in bodies] == [1, 1]
    assert [stream.events for stream in recorded.streams] == [["open", "start", "close"]] * 2


async def test_a_cancellation_goes_on_from_a_clean_up_after_a_send_that_failed(recorded):
    cleaning = asyncio.Event()

    async def wait():
        cleaning.set()
        await asyncio.Event().wait()

    async def app(scope, receive, send):
        kept.append(adapt(Body(wait)(), scope))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": await anext(kept[0]), "more_body": True})

    server = ByHand(on_send=gone)
    task = asyncio.create_task(server.call(StreamScopeMiddleware(app)))
    await cleaning.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [stream.events for stream in recorded.streams] == [["open", "start", "close"]]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_what_ends_the_process_goes_on_from_a_clean_up(recorded, error):
    async def leave():
        raise error

    call = serve(leaves_open(Body(leave)))
    with pytest.raises(type(error)):
        call.send(None)


async def test_a_call_that_is_dropped_midway_closes_its_application(recorded):
    class Stuck:
        def __await__(self):
            yield None

    seen = []

    async def app(scope, receive, send):
        try:
            await Stuck()
        finally:
            seen.append("closed")

    call = ByHand().call(StreamScopeMiddleware(app))
    call.send(None)
    call.close()
    assert seen == ["closed"]


async def test_what_the_application_leaves_set_is_not_seen_by_the_server(recorded):
    """Neither after the call, nor while the application sends or receives."""
    seen = []

    async def look(message):
        seen.append(leaked.get())
        await asyncio.sleep(0)
        seen.append(leaked.get())

    async def app(scope, receive, send):
        leaked.set("dirty")
        assert (await receive())["type"] == "http.request"
        await send({"type": "http.response.start", "status": 200})

    await serve(app, on_send=look)
    seen.append(leaked.get())
    assert seen == ["clean"] * 3


async def test_what_the_server_has_set_is_seen_by_the_application(recorded):
    leaked.set("from outside")

    async def app(scope, receive, send):
        kept.append(leaked.get())

    await serve(app)
    assert kept == ["from outside"]


async def test_timeouts_and_task_groups_work_in_the_application(recorded):
    async def app(scope, receive, send):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0)).add_done_callback(lambda _: kept.append("done"))

    await serve(app)
    assert kept == ["done"]


async def test_an_exception_that_ends_iteration_elsewhere_is_not_lost(recorded):
    """The net drives the application as a generator is driven, and must not take its signals."""

    async def app(scope, receive, send):
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        await serve(app)


async def test_work_in_a_context_of_its_own_outlives_the_request(recorded):
    async def app(scope, receive, send):
        task = asyncio.create_task(work(), context=contextvars.Context())
        kept.append(task)
        await going.wait()

    async def work():
        stream = streaminstr.stream(Body()(), name="outlives")
        await anext(stream)
        going.set()
        await served.wait()
        await anext(stream)
        await stream.aclose()

    going, served = asyncio.Event(), asyncio.Event()
    await serve(app)
    served.set()
    await kept[0]
    assert recorded.closed[0].report.chunks == 2


@pytest.mark.parametrize(
    ("headers", "resumed"),
    [
        ([(b"last-event-id", b"7")], True),
        ([(b"last-event-id", b"")], True),
        ([(b"host", b"h")], None),
        (None, None),
        (iter([(b"last-event-id", b"7")]), None),
    ],
)
async def test_a_stream_that_is_resumed_says_so(recorded, headers, resumed):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await send({"type": "http.response.body"})

    server = ByHand()
    server.scope["headers"] = headers
    await server.call(StreamScopeMiddleware(app))
    assert recorded.closed[0].report.resumed is resumed
