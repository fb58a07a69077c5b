"""The net calls the server's `send` and `receive`: one generator makes many of these calls."""

import asyncio
from contextvars import ContextVar
from weakref import ref

import pytest

from adapter import adapt
from server_by_hand import Blocked, ByHand
from streaminstr.asgi import StreamScopeMiddleware

START = {"type": "http.response.start", "status": 200}
leaked = ContextVar("leaked", default="clean")


class Message(dict):
    """A message that can be referred to weakly."""


class Server(ByHand):
    """A server whose `receive` returns what a test makes of it."""

    def __init__(self, *heard, **options):
        super().__init__(**options)
        self._heard = list(heard)

    async def receive(self):
        heard = self._heard.pop(0)
        await asyncio.sleep(0)
        if isinstance(heard, BaseException):
            raise heard
        return heard


def request(body):
    return Message(type="http.request", body=body)


def chunk(body):
    return Message(type="http.response.body", body=body, more_body=True)


async def serve(app, *heard, **options):
    server = Server(*heard, **options)
    await server.call(StreamScopeMiddleware(app))
    return server


async def test_sends_that_overlap_are_all_made(recorded):
    async def app(scope, receive, send):
        await send(START)
        waiting = asyncio.create_task(send(chunk(b"one")))
        await blocked.is_waiting.wait()
        await send(chunk(b"two"))
        blocked.proceed.set()
        await waiting
        await send(chunk(b"three"))

    blocked = Blocked(1)
    assert (await serve(app, on_send=blocked)).chunks == [b"one", b"two", b"three"]


async def test_receives_that_overlap_get_a_message_each(recorded):
    async def app(scope, receive, send):
        heard = await asyncio.gather(receive(), receive())
        assert [message["body"] for message in heard] == [b"1", b"2"]
        assert (await receive())["body"] == b"3"

    await serve(app, request(b"1"), request(b"2"), request(b"3"))


async def test_after_a_call_that_has_failed_the_next_one_is_made(recorded):
    async def app(scope, receive, send):
        with pytest.raises(KeyError):
            await receive()
        assert (await receive())["body"] == b"1"
        with pytest.raises(LookupError):
            await send(START)
        await send(chunk(b"one"))

    async def refuse(message):
        if message is START:
            raise LookupError

    server = await serve(app, KeyError(), request(b"1"), on_send=refuse)
    assert server.chunks == [b"one"]


async def test_no_message_is_kept(recorded):
    async def app(scope, receive, send):
        heard = await receive()
        dead = ref(heard)
        del heard
        assert dead() is None
        said = chunk(b"one")
        await send(START)
        await send(said)
        dead = ref(said)
        del said
        server.sent.clear()
        assert dead() is None

    server = Server(request(b"1"))
    await server.call(StreamScopeMiddleware(app))


async def test_the_server_returns_any_awaitable(recorded):
    class Sending:
        def __init__(self, message=None):
            server.sent.append((message, leaked.get()))

        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return request(b"1")

    async def app(scope, receive, send):
        leaked.set("dirty")
        assert (await receive())["body"] == b"1"
        await send(START)

    server = Server()
    server.send = server.receive = Sending
    await server.call(StreamScopeMiddleware(app))
    assert server.sent == [(None, "clean"), (START, "clean")]


async def test_a_client_that_has_left_before_the_start_ends_nothing(recorded):
    async def app(scope, receive, send):
        with pytest.raises(ConnectionResetError):
            await send(START)

    async def refuse(_):
        raise ConnectionResetError

    await serve(app, on_send=refuse)
    assert recorded.streams == []


async def test_a_body_that_an_adapter_takes_after_the_start_has_one_scope(recorded):
    async def body():
        yield b"one"

    async def app(scope, receive, send):
        await send(START)
        async for one in adapt(body(), scope):
            await send(chunk(one))

    assert (await serve(app)).chunks == [b"one"]
    assert len(recorded.streams) == 1
