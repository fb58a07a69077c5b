"""Round any ASGI application, the net gives a streamed response a scope by itself."""

import asyncio

import pytest
from channels.generic.http import AsyncHttpConsumer
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

import streaminstr
from server_by_hand import Blocked, ByHand, gone
from streaminstr import Outcome, _configure
from streaminstr._calls import guard
from streaminstr._core.life import open_lives
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.testing import RecordedStream

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"Content-Type", b"text/plain; charset=utf-8")],
}


def chunk(body, *, more=True):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def three_chunks(scope, receive, send):
    await send(START)
    for body in (b"one", b"two", b"three"):
        await send(chunk(body))
    await send({"type": "http.response.body"})


async def serve(app, **options):
    server = ByHand(**options)
    await server.call(StreamScopeMiddleware(app))
    return server


async def test_a_response_with_more_body_has_one_scope(recorded):
    server = await serve(three_chunks, path="/numbers")
    (stream,) = recorded.streams
    assert server.chunks == [b"one", b"two", b"three"]
    assert stream.events == ["open", "start", "close"]
    assert (stream.outcome, stream.report.chunks, stream.report.bytes) == ("completed", 3, 11)


async def test_the_scope_is_described_as_by_the_adapters(recorded):
    await serve(three_chunks, path="/numbers")
    (stream,) = recorded.streams
    assert stream.name == "GET"
    assert stream.info.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": "/numbers",
        "streaminstr.content_type": "text/plain",
    }


async def test_a_last_message_that_has_a_body_is_a_chunk(recorded):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send(chunk(b"one"))
        await send(chunk(b"two", more=False))

    await serve(app)
    assert recorded.closed[0].report.chunks == 2
    assert recorded.closed[0].outcome is Outcome.COMPLETED


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
async def test_a_response_without_content_has_no_scope(recorded, method, status):
    async def app(scope, receive, send):
        await send({**START, "status": status})
        await send(chunk(b""))
        await send(chunk(b"", more=False))

    await serve(app, method=method)
    assert recorded.streams == []


async def test_a_response_in_one_message_has_no_scope(recorded):
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"all of it", more=False))

    await serve(app)
    assert recorded.streams == []


async def test_the_scope_is_current_for_the_body_and_not_for_the_server(recorded):
    seen = []

    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"one"))
        seen.append(streaminstr.current_stream().info.name)
        await send(chunk(b"", more=False))

    await serve(app)
    assert seen == ["GET"]
    assert not streaminstr.current_stream()


async def test_the_scope_is_current_while_it_is_closed(recorded, monkeypatch):
    seen = []
    close = RecordedStream.close

    def look(stream, report):
        seen.append((recorded.current, streaminstr.current_stream().info.name))
        close(stream, report)

    monkeypatch.setattr(RecordedStream, "close", look)
    await serve(three_chunks)
    assert seen == [(recorded.streams[0], "GET")]


async def test_time_begins_with_the_response_and_gaps_are_between_chunks(recorded):
    await serve(three_chunks)
    report = recorded.closed[0].report
    assert report.request_time_to_first_chunk >= report.time_to_first_chunk > 0
    assert report.longest_gap > 0
    assert report.duration >= report.time_to_first_chunk


async def test_an_open_stream_can_be_looked_at(recorded):
    blocked = Blocked(2)
    task = asyncio.create_task(serve(three_chunks, on_send=blocked))
    await blocked.is_waiting.wait()
    (life,) = open_lives()
    assert life.stream().report().chunks == 2
    blocked.proceed.set()
    await task


async def test_an_exception_fails_the_stream_and_goes_on_to_the_server(recorded):
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"one"))
        raise KeyError

    with pytest.raises(KeyError):
        await serve(app)
    assert recorded.closed[0].outcome is Outcome.FAILED
    assert type(recorded.closed[0].report.error) is KeyError


async def test_a_body_that_stops_short_is_cancelled(recorded):
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"one"))

    await serve(app)
    assert recorded.closed[0].outcome is Outcome.CANCELLED
    assert recorded.closed[0].report.cancelled_by is None


async def test_a_disconnect_that_was_seen_is_the_clients_doing(recorded):
    async def app(scope, receive, send):
        await receive()
        await send(START)
        await send(chunk(b"one"))
        server.leave()
        assert (await receive())["type"] == "http.disconnect"

    server = ByHand()
    await server.call(StreamScopeMiddleware(app))
    assert recorded.closed[0].report.cancelled_by == "client"


async def test_a_send_that_fails_is_the_clients_doing(recorded):
    with pytest.raises(ConnectionResetError):
        await serve(three_chunks, on_send=gone)
    (stream,) = recorded.streams
    assert stream.events == ["open", "start", "close"]
    assert (stream.outcome, stream.report.cancelled_by) == ("cancelled", "client")


async def test_a_send_that_fails_before_there_is_a_stream_is_only_passed_on(recorded):
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"all of it", more=False))

    with pytest.raises(ConnectionResetError):
        await serve(app, on_send=gone)
    assert recorded.streams == []


async def test_a_cancelled_call_with_no_known_cause_has_none(recorded):
    blocked = Blocked(2)
    task = asyncio.create_task(serve(three_chunks, on_send=blocked))
    await blocked.is_waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorded.closed[0].outcome is Outcome.CANCELLED
    assert recorded.closed[0].report.cancelled_by is None


async def test_a_call_that_is_cancelled_while_the_process_stops_was_cancelled_by_it(
    recorded, stopping
):
    blocked = Blocked(2)
    task = asyncio.create_task(serve(three_chunks, on_send=blocked))
    await blocked.is_waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorded.closed[0].report.cancelled_by == "server"


async def test_a_disconnect_while_the_process_stops_is_its_doing(recorded, stopping):
    """A server tells of a connection that it closes in the same words as of one that was lost."""
    with pytest.raises(ConnectionResetError):
        await serve(three_chunks, on_send=gone)
    assert recorded.closed[0].report.cancelled_by == "server"


async def test_shutdown_closes_the_scope_of_a_body_that_it_cannot_stop(recorded):
    blocked = Blocked(2)
    task = asyncio.create_task(serve(three_chunks, on_send=blocked))
    await blocked.is_waiting.wait()
    streaminstr.shutdown()
    assert recorded.closed[0].report.cancelled_by == "server"
    blocked.proceed.set()
    await task
    assert recorded.streams[0].events == ["open", "start", "close"]


async def test_what_breaks_the_making_of_a_scope_does_not_break_the_response(recorded, caplog):
    guard.errors.clear()
    server = ByHand()
    server.scope["method"] = "GET"

    async def app(scope, receive, send):
        scope["method"] = ["nonsense"]
        await three_chunks(scope, receive, send)

    await server.call(StreamScopeMiddleware(app))
    assert server.chunks == [b"one", b"two", b"three"]
    assert recorded.streams == []
    assert len(caplog.records) == 1


async def test_with_the_backend_turned_off_the_application_is_called_as_it_is(off):
    server = ByHand()

    async def app(scope, receive, send):
        assert (receive, send) == (server.receive, server.send)

    await server.call(StreamScopeMiddleware(app))


async def test_with_settings_that_cannot_work_the_application_is_called_as_it_is(monkeypatch):
    def broken():
        raise streaminstr.StreaminstrError

    monkeypatch.setattr(_configure._state, "adapter", broken)
    assert (await serve(three_chunks)).chunks == [b"one", b"two", b"three"]


async def test_a_websocket_is_none_of_its_business(recorded):
    server = ByHand()
    server.scope["type"] = "websocket"

    async def app(scope, receive, send):
        assert (receive, send) == (server.receive, server.send)

    await server.call(StreamScopeMiddleware(app))


async def test_a_net_in_a_net_makes_no_second_scope(recorded):
    await serve(StreamScopeMiddleware(three_chunks))
    assert len(recorded.streams) == 1


async def numbers():
    for number in (b"1", b"2", b"3"):
        yield number


def starlette(body):
    async def endpoint(request):
        return StreamingResponse(body(), media_type="text/plain")

    return Starlette(routes=[Route("/numbers/{kind}", endpoint)])


async def test_starlette_is_named_by_its_route(recorded):
    server = await serve(starlette(numbers), path="/numbers/odd")
    (stream,) = recorded.streams
    assert server.chunks == [b"1", b"2", b"3"]
    assert stream.name == "GET /numbers/{kind}"
    assert stream.info.attributes["http.route"] == "/numbers/{kind}"
    assert (stream.outcome, stream.report.chunks) == ("completed", 3)


async def test_a_body_that_is_a_stream_already_gets_no_second_scope(recorded):
    await serve(starlette(lambda: streaminstr.stream(numbers(), name="mine")), path="/numbers/odd")
    assert [(stream.name, stream.outcome) for stream in recorded.streams] == [("mine", "completed")]


async def test_a_stream_that_a_body_reads_from_is_its_child(recorded):
    async def body():
        async for number in streaminstr.stream(numbers(), name="inner"):
            yield number

    await serve(starlette(body), path="/numbers/odd")
    assert {stream.name for stream in recorded.closed} == {"GET /numbers/{kind}", "inner"}


class Consumer(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_headers(headers=[(b"Content-Type", b"text/event-stream")])
        await self.send_body(b"data: 1\n\n", more_body=True)
        await self.send_body(b"data: 2\n\n", more_body=True)
        await self.send_body(b"")
        self.scope["leave"]()


async def test_a_consumer_of_channels_has_a_scope(recorded):
    server = ByHand()
    server.scope["leave"] = server.leave

    await server.call(StreamScopeMiddleware(Consumer.as_asgi()))
    (stream,) = recorded.streams
    assert (stream.outcome, stream.report.chunks) == ("completed", 2)
