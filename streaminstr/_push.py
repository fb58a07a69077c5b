"""A body whose chunks are pushed and not pulled: the ASGI application sends them itself."""

from __future__ import annotations

import sys
from contextlib import suppress
from contextvars import Context, Token
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any
from weakref import ref

from streaminstr._calls import loop
from streaminstr._core.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

    from streaminstr._core.life import Life
    from streaminstr.types import CancelledBy, StreamReport

_UNSET: Any = object()


class PushedStream(Meter):
    """A stream whose steps lie between two sends. Its scope is open and current from the start.

    There is no iterator to wrap: the code that produces the chunks keeps running in the Context in
    which the stream is created. The scope is current in that Context until `withdraw`.
    """

    __slots__ = ("__weakref__", "_held", "_life", "_shown", "caller")

    def __init__(self, life: Life, size_of: Callable[[Any], int], plain: Any) -> None:
        super().__init__(size_of, plain)
        self._life = life
        self._held: float | None = None
        self.caller = _coroutine()
        """Weakly: what the task runs that makes the chunks; None where there is no task."""
        self.begin(life.handle.created)
        life.belongs_to(ref(self))
        life.enter(life.begin)
        self._shown = _show(life.context)

    def push(self, chunk: Any, now: float) -> None:
        """Count a chunk that is about to be sent, and was ready `now`."""
        self.leave(chunk, now)

    def resume(self) -> None:
        """Note that a chunk has been sent, so that the body is at work on the next one."""
        self.entered = clock()

    def hold(self) -> None:
        """Note that the last chunk has been made, while the outcome is not known yet."""
        self._held = clock()
        if self.in_step:
            self.producer += self._held - self.entered
            self.left = self._held

    def finish(self) -> None:
        """End as completed: the last chunk has been made."""
        self._end(None)

    def end(self, error: BaseException | None) -> None:
        """End as the application's call has ended, if `finish` was not called."""
        self._end(error or GeneratorExit())

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the scope, from any thread. The body itself runs on."""
        self._life.ask_to_close(cancelled_by)
        self._end(GeneratorExit())

    give_up = close

    def end_soon(self, cancelled_by: CancelledBy | None = None, reason: str | None = None) -> None:
        """Say why the stream is about to end. What makes the chunks cannot be stopped."""
        self._life.ask_to_close(cancelled_by, reason)

    def withdraw(self) -> None:
        """Make the scope no longer current in the caller's Context. Other variables keep values.

        The application continues in that Context with work that is not part of the stream.
        """
        shown, self._shown = self._shown, []
        for variable, value, token in shown:
            if variable.get(_UNSET) is value:
                _take_back(variable, token)

    def report(self) -> StreamReport:
        """The numbers so far."""
        return self._life.report(self)

    def _end(self, error: BaseException | None) -> None:
        if self._held is not None:  # the time since belongs to no step and to no reader
            now = clock()
            self.begun += now - self._held
            self._held = now
        self._life.end(self, error)


def _coroutine() -> ref[Any] | None:
    task = loop.current_task()
    if task is not None:
        coroutine = task.get_coro()
    elif loop.current() is loop.FOREIGN:
        coroutine = sys.modules["trio"].lowlevel.current_task().coro
    else:
        return None
    try:
        return ref(coroutine)
    except TypeError:  # one that is written in C may allow none
        return None


def _show(context: Context) -> list[tuple[ContextVar[Any], Any, Token[Any]]]:
    """Set here what is set otherwise in `context`; returns what takes it back."""
    return [
        (variable, value, variable.set(value))
        for variable, value in context.items()
        if variable.get(_UNSET) is not value
    ]


def _take_back(variable: ContextVar[Any], token: Token[Any]) -> None:
    try:
        variable.reset(token)
    except ValueError:  # in a task that has inherited the Context: there a value must do
        if token.old_value is not Token.MISSING:
            variable.set(token.old_value)
        else:
            with suppress(LookupError):
                variable.set(Context().run(variable.get))  # its default
