"""The outermost net for ASGI, around Django's application or any other.

    application = StreamScopeMiddleware(get_asgi_application())

It closes a response body that the application leaves open, and detects whether the client left or
the server stopped. Context variables that the application sets do not reach the server. Streamed
responses of frameworks without an adapter get a scope. docs/reference/servers.md shows the effect
on each server.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from streaminstr import _configure
from streaminstr._calls.cancellation import is_cancellation
from streaminstr._calls.errors import hand_on
from streaminstr._calls.guard import guarded, guarded_await
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.config import OFF
from streaminstr._core.within import relay, steps_of
from streaminstr._exchange import KEY, Exchange, alive, exchange_of
from streaminstr._nets.lifespan import live
from streaminstr._nets.pump import Pump, receives, sends
from streaminstr._nets.response import Response

if TYPE_CHECKING:
    from streaminstr._core.config import Config
    from streaminstr._nets.protocol import Application, Message, Receive, Send

_DONE: Any = object()


class StreamScopeMiddleware:
    """Wrap the whole application.

    Handles the lifespan protocol for applications that do not support it.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await live(self.app, scope, receive, send)
        config = guarded(_configure.current, default=OFF)
        if scope["type"] != "http" or not config.backends or exchange_of(scope) is not None:
            return await self.app(scope, receive, send)
        _configure.watch()  # the first chance if the server has no lifespan
        return await _Call(config, scope, receive, send).run(self.app)


class _Call:
    """One call of the application: its messages in both directions, and the bodies to close."""

    __slots__ = (
        *("_exchange", "_outside", "_receive", "_receives", "_response", "_scope", "_send"),
        "_sends",
    )

    def __init__(self, config: Config, scope: Message, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._exchange = Exchange(is_async=True)
        self._response: Response | None = Response(config, self._exchange, scope)
        """None as soon as it is known to need nothing of the net."""
        # The server's own functions run here, without what the application binds.
        self._outside = copy_context()
        self._receives: Pump | None = None
        self._sends: Pump | None = None
        """Those that are not at work. Calls that overlap have one each."""

    async def run(self, app: Application) -> None:
        exchange, scope, error = self._exchange, self._scope, None
        scope[KEY], context = exchange, exchange.context()
        try:
            steps = context.run(steps_of, context.run(app, scope, self._hear, self._say))
            # No local variable has the first signal: it would keep a future for the whole call.
            await relay(context.run, steps, context.run(next, steps, _DONE), _DONE)
        except BaseException as raised:
            error = raised
            hand_on(context, error)
            raise
        finally:
            try:
                # The net's own scope ends first, with the outcome of the call.
                if self._response is not None:
                    self._response.end(error)
                await self._close_bodies()
            finally:
                error = None  # no reference cycle through the traceback
                exchange.is_over = True
                scope.pop(KEY, None)

    async def _hear(self) -> Message:
        """Receive a message for the application; a disconnect is noted on the way."""
        pump, self._receives = self._receives or Pump(receives, self._receive, self._outside), None
        signal = pump.run(pump.step, None)
        if signal is not pump.done:
            await relay(pump.run, pump.steps, signal, pump.done)
        message: Message = pump.done[0]
        pump.done[0] = None
        self._receives = pump
        if message["type"] == "http.disconnect":
            self._exchange.client_left()
        return message

    # `_hear` and `_say` are this long for speed: a coroutine more for each message costs as much
    # as all the rest of it.
    async def _say(self, message: Message) -> None:
        """Send a message of the application. Its chunk is counted before it is sent."""
        response = self._response
        if response is not None:
            message = response.look(message)
            if not response.is_watched:
                self._response = None
        pump, self._sends = self._sends or Pump(sends, self._send, self._outside), None
        try:
            signal = pump.run(pump.step, message)
            if signal is not pump.done:
                await relay(pump.run, pump.steps, signal, pump.done)
        except BaseException as error:
            await self._fail_to_send(error)
            raise
        self._sends = pump
        if response is not None:
            response.sent()

    async def _fail_to_send(self, error: BaseException) -> None:
        """Close the body in this task, which has stepped it, because nothing more can be sent.

        A task group or cancel scope that the body has entered can be exited only in this task.
        """
        if isinstance(error, OSError):
            self._exchange.client_left()
            if self._response is not None:
                self._response.refused()
        elif isinstance(error, GeneratorExit) or not is_cancellation(error):
            return
        if self._exchange.has_left:
            await self._close_bodies(is_over=False)

    async def _close_bodies(self, *, is_over: bool = True) -> None:
        """Close each body that is still open, even if closing another one raises.

        Until the call is over, what the framework closes itself is left to it.
        """
        if self._exchange.bodies:
            async with AsyncExitStack() as stack:
                stack.enter_context(self._exchange.shield())
                # The stack unwinds from its end, so the oldest is closed first.
                for stream in reversed(alive(self._exchange.bodies)):
                    if is_over or not self._exchange.leaves(stream):
                        stack.push_async_callback(_close, stream)


async def _close(stream: Any) -> None:
    """Close it here, in the task of the request. Errors are logged and otherwise ignored."""
    if isinstance(stream, AsyncStream):
        await guarded_await(stream.aclose)
    else:
        guarded(stream.close, default=None)
