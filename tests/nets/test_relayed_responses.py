"""Starlette's BaseHTTPMiddleware passes a response on between tasks, and its error at the end."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

import streaminstr
from server_by_hand import Blocked, ByHand, gone
from streaminstr.asgi import StreamScopeMiddleware


class Relay(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


async def numbers():
    yield b"1"
    yield b"2"


async def fails():
    yield b"1"
    raise KeyError


async def break_in_background():
    raise LookupError


def relayed(body, background=None):
    async def endpoint(request):
        task = None if background is None else BackgroundTask(background)
        return StreamingResponse(body(), background=task)

    return Starlette(routes=[Route("/", endpoint)], middleware=[Middleware(Relay)])


async def serve(app, **options):
    server = ByHand(**options)
    await server.call(StreamScopeMiddleware(app))
    return server


async def test_a_body_that_fails_has_failed(recorded):
    with pytest.raises(KeyError):
        await serve(relayed(fails))
    (stream,) = recorded.closed
    assert (stream.outcome, stream.report.error_type) == ("failed", "KeyError")
    assert stream.report.chunks == 1


async def test_a_body_that_is_read_to_its_end_is_completed(recorded):
    await serve(relayed(numbers))
    (stream,) = recorded.closed
    assert (stream.outcome, stream.report.chunks) == ("completed", 2)


async def test_an_error_of_the_background_task_is_not_the_bodys(recorded):
    with pytest.raises(LookupError):
        await serve(relayed(numbers, break_in_background))
    assert [stream.outcome for stream in recorded.closed] == ["completed"]


async def test_a_background_task_takes_no_time_of_the_stream(recorded):
    """The outcome is known when it is over, the numbers when the last chunk was sent."""
    started, go_on, at_the_end = asyncio.Event(), asyncio.Event(), []

    async def work():
        started.set()
        await go_on.wait()

    task = asyncio.create_task(serve(relayed(numbers, work)))
    await started.wait()
    (life,) = streaminstr._core.life.open_lives()
    at_the_end.append(life.stream().report())
    go_on.set()
    await task
    (stream,) = recorded.closed
    assert stream.report.producer_time <= at_the_end[0].producer_time
    assert stream.report.consumer_time <= at_the_end[0].consumer_time


async def test_nothing_of_it_is_current_in_the_background_task(recorded):
    seen = []

    async def work():
        seen.append(bool(streaminstr.current_stream()))

    await serve(relayed(numbers, work))
    assert seen == [False]


async def test_a_client_that_leaves_with_the_last_message_changes_nothing(recorded):
    async def leave(message):
        if message.get("more_body") is False:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await serve(relayed(numbers), on_send=leave)
    assert [stream.outcome for stream in recorded.closed] == ["completed"]


async def test_a_cancellation_with_the_last_message_changes_nothing(recorded):
    blocked = Blocked(-1)

    async def wait(message):
        if message.get("more_body") is False:
            blocked.is_waiting.set()
            await blocked.proceed.wait()

    server = ByHand(on_send=wait)
    task = asyncio.create_task(server.call(StreamScopeMiddleware(relayed(numbers))))
    await blocked.is_waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [stream.outcome for stream in recorded.closed] == ["completed"]


async def test_a_client_that_leaves_before_is_the_cause(recorded):
    with pytest.raises(ConnectionResetError):
        await serve(relayed(numbers), on_send=gone)
    (stream,) = recorded.closed
    assert (stream.outcome, stream.report.cancelled_by) == ("cancelled", "client")


async def test_a_stream_that_the_view_has_made_is_the_body(recorded):
    """It may be a step ahead of what is sent."""
    server = await serve(relayed(lambda: streaminstr.stream(numbers(), name="mine")))
    assert server.chunks == [b"1", b"2"]
    assert [(stream.name, stream.outcome) for stream in recorded.streams] == [("mine", "completed")]


async def test_a_plain_response_has_no_scope(recorded):
    """It has a Content-Length, and comes in several messages all the same."""
    app = Starlette(
        routes=[Route("/", lambda request: PlainTextResponse("whole"))],
        middleware=[Middleware(Relay)],
    )
    server = await serve(app)
    assert server.chunks == [b"whole"]
    assert len(server.sent) == 3
    assert recorded.streams == []
