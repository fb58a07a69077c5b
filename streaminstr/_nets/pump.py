"""Calls of the server's own functions, in a Context without what the application has bound."""

from __future__ import annotations

from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any

from streaminstr._core.within import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextvars import Context

_COROUTINE: Any = CoroutineType


class Pump:
    """Calls `send` or `receive` of the server, in the task of the caller.

    One generator makes all calls that do not overlap: to drive a coroutine for each of them costs
    three times as much. `run(step, message)` returns what the call yields to the event loop, which
    `steps` continues. At its end that is `done`, which then holds what was received.
    """

    __slots__ = ("done", "run", "step", "steps")

    def __init__(self, calls: Callable[..., Any], function: Any, outside: Context) -> None:
        """`calls` is `sends` or `receives`; `function` is called in a copy of `outside`."""
        self.run = outside.copy().run
        self.done: list[Any] = [None]
        self.steps = calls(function, self.done)
        self.step = self.steps.send
        self.step(None)


# Both ask for the type of the call, as `steps_of` does: that costs less than to call `steps_of`.
@coroutine
def sends(send: Any, done: list[Any]) -> Generator[Any, Any, None]:
    """Send the messages that come in."""
    while True:
        message = yield done
        call = send(message)
        yield from call if type(call) is _COROUTINE else steps_of(call)
        del message, call


@coroutine
def receives(receive: Any, done: list[Any]) -> Generator[Any, Any, None]:
    """Put what is received into `done`, a message each time."""
    while True:
        yield done
        call = receive()
        done[0] = yield from call if type(call) is _COROUTINE else steps_of(call)
        del call
