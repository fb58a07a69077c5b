"""The outermost net for ASGI: round Django's application, or round any other.

    application = StreamScopeMiddleware(get_asgi_application())

It closes what the application leaves open, knows why a stream was cut short, keeps what the
application leaks into context variables from the server, and gives a scope to the streamed
responses of frameworks that have no adapter. docs/reference/servers.md shows what that means on
each server.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from contextvars import copy_context
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr import _configure
from streaminstr._core import loop
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.config import OFF
from streaminstr._core.exchange import Exchange, current_exchange
from streaminstr._core.guard import guarded, guarded_await
from streaminstr._core.within import within
from streaminstr._http import describe, has_body, name_of
from streaminstr._process import shutdown
from streaminstr._wrap import make_handle, push

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from streaminstr._core.config import Config
    from streaminstr._push import PushedStream

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Message, Receive, Send], Awaitable[None]]


class StreamScopeMiddleware:
    """Put it round everything else. An application that refuses lifespan gets one all the same."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _live(self.app, scope, receive, send)
        config = guarded(_configure.current, default=OFF)
        if scope["type"] != "http" or not config.backends or current_exchange.get() is not None:
            return await self.app(scope, receive, send)
        shutdown.watch()  # where the server has no lifespan, this is the first chance
        return await _Call(config, scope, receive, send).run(self.app)


class _Call:
    """One call of the application: what it says and hears, and what it leaves open."""

    __slots__ = (
        "_begun",
        "_config",
        "_exchange",
        "_ours",
        "_outside",
        "_receive",
        "_scope",
        "_send",
        "_stack",
        "_start",
        "_stream",
    )

    def __init__(self, config: Config, scope: Message, receive: Receive, send: Send) -> None:
        self._config = config
        self._scope = scope
        self._receive = receive
        self._send = send
        self._exchange = Exchange()
        self._outside = copy_context()
        self._stack = AsyncExitStack()
        self._ours = False
        self._begun = 0.0
        self._start: Message = {}
        self._stream: PushedStream | None = None

    async def run(self, app: Application) -> None:
        async with self._stack as stack:
            stack.push_async_callback(self._close_streams)
            context = self._exchange.context()
            await within(context.run, app, self._scope, self._hear, self._say)

    async def _hear(self) -> Message:
        message: Message = await self._serve(self._receive)
        if message["type"] == "http.disconnect":
            self._exchange.client_left()
        return message

    async def _say(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
        elif self._ours and message["type"] == "http.response.body":
            self._count(message)
        try:
            await self._serve(self._send, message)
        except OSError:
            self._exchange.client_left()
            if self._stream is not None:
                self._stream.close()
            raise
        if self._stream is not None:
            self._stream.resume()

    def _serve(self, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Awaitable[Any]:
        """Let the server do its part where nothing is seen of what the application has bound."""
        return within(self._outside.copy().run, call, *arguments)

    def _begin(self, message: Message) -> None:
        self._begun = clock()
        self._start = message
        self._ours = not self._exchange.is_taken and has_body(
            self._scope.get("method"), message.get("status")
        )

    def _count(self, message: Message) -> None:
        now = clock()  # before a scope is opened, which is no work of the body's
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if self._stream is None:
            self._stream = guarded(self._open, default=None) if more else None
            self._ours = self._stream is not None
        if self._stream is not None:
            if chunk or more:
                self._stream.push(chunk, now)
            if not more:
                self._stream.finish()

    def _open(self) -> PushedStream:
        """Give the response a scope, in the Context of who sends. Dated back to its start."""
        method, route = self._scope.get("method"), _route(self._scope)
        attributes = describe(
            method=method,
            route=route,
            status=self._start.get("status"),
            path=self._scope.get("path", ""),
            content_type=_content_type(self._start),
        )
        started_ns = time.time_ns() - int((clock() - self._begun) * 1e9)
        handle = make_handle(self._config, name_of(method, route), attributes, started_ns)
        stream = push(handle, self._config, self._begun)
        self._stack.push(lambda _, error, __: stream.end(error))
        return stream

    async def _close_streams(self) -> None:
        """Close all that is left, each whatever comes of the others."""
        async with AsyncExitStack() as stack:
            for stream in reversed(self._exchange.alive()):
                stack.push_async_callback(_close, stream)


async def _close(stream: Any) -> None:
    """Close it here, in the task of the request. Its errors are nobody's but the log's."""
    if isinstance(stream, AsyncStream):
        await guarded_await(stream.aclose)
    else:
        guarded(stream.close, default=None)


def _route(scope: Message) -> str | None:
    """The pattern of the route where the framework tells it, as Starlette and FastAPI do."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else None


def _content_type(start: Message) -> str | None:
    headers = ((bytes(name).lower(), bytes(value)) for name, value in start.get("headers", ()))
    return next(
        (value.decode("latin-1") for name, value in headers if name == b"content-type"), None
    )


async def _live(app: Application, scope: Message, receive: Receive, send: Send) -> None:
    """Pass lifespan through; answer it in place of an application that knows none of it."""
    heard = False

    async def hear() -> Message:
        nonlocal heard
        heard = True
        message = await receive()
        if message["type"] == "lifespan.startup":
            shutdown.watch()
        else:
            await _shut_down()
        return message

    try:
        await app(scope, hear, send)
    except Exception:
        if heard:
            raise
    if not heard:
        await _answer(hear, send)


async def _answer(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _shut_down() -> None:
    """Shut down in a thread, so that the loop is free to run the clean-up of its streams."""
    running = loop.running()
    if running is None:
        _configure.shutdown()
    else:
        await running.run_in_executor(None, _configure.shutdown)
