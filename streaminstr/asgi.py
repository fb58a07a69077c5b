"""The outermost net for ASGI: round Django's application, or round any other.

    application = StreamScopeMiddleware(get_asgi_application())

It closes what the application leaves open of a response, knows why a stream was cut short, keeps
what the application leaks into context variables from the server, and opens a scope for streamed
responses of frameworks that have no adapter. docs/reference/servers.md shows what that means on
each server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from contextvars import copy_context
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr import _configure
from streaminstr._core import loop
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.config import OFF
from streaminstr._core.errors import hand_on
from streaminstr._core.guard import guarded, guarded_await
from streaminstr._core.outcome import is_cancellation
from streaminstr._core.within import within
from streaminstr._exchange import KEY, Exchange, alive, exchange_of
from streaminstr._http import describe, has_body, name_of
from streaminstr._nets.frames import comes_from, is_awaited_by
from streaminstr._nets.lifespan import live
from streaminstr._process import shutdown
from streaminstr._wrap import make_handle, push

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from weakref import ref

    from streaminstr._core.config import Config
    from streaminstr._nets.protocol import Application, Message, Receive, Send
    from streaminstr._push import PushedStream

_RELAYS = "starlette.middleware.base"
"""Starlette's `BaseHTTPMiddleware` passes a response on from one task to another. The body may be a
step ahead of what is sent, and the last message is sent before what the body raises is known."""
_BACKGROUND = "starlette.background"


class StreamScopeMiddleware:
    """Wrap the whole application. Handles the lifespan protocol where it takes no part in it."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await live(self.app, scope, receive, send)
        config = guarded(_configure.current, default=OFF)
        if scope["type"] != "http" or not config.backends or exchange_of(scope) is not None:
            return await self.app(scope, receive, send)
        shutdown.watch()  # where the server has no lifespan, this is the first chance
        return await _Call(config, scope, receive, send).run(self.app)


class _Call:
    """One call of the application: what it says and hears, and what it leaves open."""

    __slots__ = (
        *("_before", "_begun", "_config", "_exchange", "_held", "_is_undecided", "_outside"),
        *("_receive", "_scope", "_send", "_stack", "_start", "_stream", "_task"),
    )

    def __init__(self, config: Config, scope: Message, receive: Receive, send: Send) -> None:
        self._config = config
        self._scope, self._receive, self._send = scope, receive, send
        self._exchange = Exchange(is_async=True)
        self._outside, self._task = copy_context(), loop.current_task()
        self._stack = AsyncExitStack()
        self._begun = 0.0
        self._start: Message = {}
        self._before: dict[ref[Any], Any] = {}
        """The streams that were there when the response began: its body may be one of them."""
        self._is_undecided = False
        """Whether the response has begun, and its body has not."""
        self._stream: PushedStream | None = None
        self._held: PushedStream | None = None
        """The same after its last message, where the outcome is known later."""

    async def run(self, app: Application) -> None:
        exchange, scope = self._exchange, self._scope
        scope[KEY], context = exchange, exchange.context()
        try:
            async with self._stack as stack:
                stack.push_async_callback(self._close_bodies)
                await within(context.run, app, scope, self._hear, self._say)
        except Exception as error:
            hand_on(context, error)
            raise
        finally:
            exchange.is_over = True
            scope.pop(KEY, None)

    async def _hear(self) -> Message:
        message: Message = await self._serve(self._receive)
        if message["type"] == "http.disconnect":
            self._exchange.client_left()
        return message

    async def _say(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            message = self._begin(message)
        elif kind == "http.response.body" and (self._is_undecided or self._stream is not None):
            self._count(message)
        try:
            await self._serve(self._send, message)
        except BaseException as error:
            await self._fail_to_send(error)
            raise
        if self._stream is not None:
            self._stream.resume()

    def _serve(self, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Awaitable[Any]:
        """Let the server do its part where nothing is seen of what the application has bound."""
        return within(self._outside.copy().run, call, *arguments)

    async def _fail_to_send(self, error: BaseException) -> None:
        """Close what can no longer be sent: here, in the task that has stepped the body.

        A task group or cancel scope that the body is in can only be left in that task.
        """
        if isinstance(error, OSError):
            self._exchange.client_left()
            if self._held is not None:
                self._held.finish()
            if self._stream is not None:
                self._stream.close()
                self._stream.withdraw()
        elif isinstance(error, GeneratorExit) or not is_cancellation(error):
            return
        if self._exchange.has_left:
            await self._close_bodies()

    def _begin(self, message: Message) -> Message:
        headers = message.get("headers")
        if isinstance(headers, Iterator):  # read here, it would be empty for the server
            message = {**message, "headers": list(headers)}
        self._begun, self._start, self._is_undecided = clock(), message, True
        self._before = self._exchange.streams.copy()
        return message

    def _count(self, message: Message) -> None:
        now = clock()  # before a scope is opened, which is no work of the body's
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if self._is_undecided:
            self._is_undecided = False
            self._stream = guarded(self._open, default=None) if more else None
        stream = self._stream
        if stream is not None and (chunk or more):
            stream.push(chunk, now)
        if stream is not None and not more:
            self._finish(stream)

    def _finish(self, stream: PushedStream) -> None:
        self._stream = None
        if is_awaited_by(_RELAYS):
            self._held = stream
            stream.hold()
        else:
            stream.finish()
        stream.withdraw()

    def _open(self) -> PushedStream | None:
        """Give the response a scope, in the Context of the sender. Dated back to its start."""
        method, status = self._scope.get("method"), self._start.get("status")
        status = status if isinstance(status, int) else None
        headers = _headers(self._start)
        # With a Content-Length it is complete: a file, or a page in several messages.
        if not has_body(method, status) or b"content-length" in headers or self._is_taken():
            return None
        route = _route(self._scope)
        attributes = describe(
            method=method,
            route=route,
            status=status,
            path=self._scope.get("path", ""),
            content_type=headers.get(b"content-type", b"").decode("latin-1"),
        )
        started_ns = time.time_ns() - int((clock() - self._begun) * 1e9)
        handle = make_handle(self._config, name_of(method, route), attributes, started_ns)
        stream = push(handle, self._config, self._exchange, self._begun)
        self._stack.push(lambda _, error, __: self._end(stream, error))
        return stream

    def _is_taken(self) -> bool:
        """Whether the body has a scope already: by an adapter, or as a stream of the application's.

        That is one which was there when the response began and now waits for its next step. One
        that is in a step, or was made in a task of its own, is at work in the background.
        """
        if self._exchange.is_taken:
            return True
        own_tasks = (None, self._task, loop.current_task())
        for reference, task in self._before.items():
            stream = reference()
            if stream is not None and stream._life.is_open:  # noqa: SLF001 - every kind has one
                is_waiting = stream._turn and task in own_tasks  # noqa: SLF001 - and this, too
                if is_waiting or is_awaited_by(_RELAYS):
                    self._exchange.guess = stream._life.stream  # noqa: SLF001
                    return True
        return False

    def _end(self, stream: PushedStream, error: BaseException | None) -> None:
        """End the scope as the call has ended, if the last message did not."""
        failed = isinstance(error, Exception) and not comes_from(_BACKGROUND, error)
        if stream is self._held and not failed:
            stream.finish()
        else:
            stream.end(error)

    async def _close_bodies(self) -> None:
        """Close what is left of the response, all of it even if some of it raises."""
        async with AsyncExitStack() as stack:
            for stream in reversed(alive(self._exchange.bodies)):
                stack.push_async_callback(_close, stream)


async def _close(stream: Any) -> None:
    """Close it here, in the task of the request. Errors are logged and otherwise ignored."""
    if isinstance(stream, AsyncStream):
        await guarded_await(stream.aclose)
    else:
        guarded(stream.close, default=None)


def _route(scope: Message) -> str | None:
    """The pattern of the route where the framework tells it, as Starlette and FastAPI do."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else None


def _headers(start: Message) -> dict[bytes, bytes]:
    return {bytes(name).lower(): bytes(value) for name, value in start.get("headers") or ()}
