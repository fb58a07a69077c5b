"""One step of a body: the code that runs for each chunk, and its measurements. Read it first.

The rule of the turn: only one thread at a time steps or ends a stream, the one that has the turn.
The turn is the single element of a list. `del` takes it, in one atomic operation that never waits,
and fails while another thread has it. `append` gives it back. `del` is a statement and no call:
Python handles signals after each call, and an interrupt at that point would lose the turn.

1. A thread that steps or ends a stream takes the turn first. After giving it back it looks at
   `life.closing`.
2. A thread that wants the stream to end sets `life.closing` first, and then tries to take the turn.

So one of the two always sees the other, and neither waits.

To end the stream in the thread that steps it, the second thread puts the turn that it has taken
into `life.closing.turn`. The next step or close takes it from there, and ends the stream.

A compiled copy replaces `Step` and `AsyncStep` where it is installed (`speedups/`).
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr._core.life import Life
from streaminstr._core.meter import Meter
from streaminstr._core.within import relay, steps_of
from streaminstr._speedups import compiled


class _Stepped(Meter):
    """What both kinds of steps work on.

    A subclass defines what happens at the first step (`_begin`), when a step raises (`_raised`),
    when the turn is taken (`_busy`), and when an end was requested meanwhile (`_stop`, `close`).
    """

    __slots__ = ("_body", "_iterator", "_life", "_turn")
    _begin: Any
    _busy: Any
    _raised: Any

    def __init__(
        self, life: Life, body: Any, size_of: Callable[[Any], int], plain: Any = bytes
    ) -> None:
        super().__init__(size_of, plain)
        self._life, self._body = life, body
        self._iterator: Any = None
        self._turn: list[None] = [None]


class Step(_Stepped):
    """Steps a sync body in the Context of its life, one thread at a time, and measures it."""

    __slots__ = ()

    _stop: Any

    # `Meter.leave` is inlined here: the call would cost as much as its whole body.
    def step(self, advance: Callable[[Any], Any] = next) -> Any:
        """Return the next chunk, using `advance`. Exceptions of the body propagate."""
        life, turn = self._life, self._turn
        try:
            del turn[0]
        except IndexError:
            return self._busy()
        try:
            if self._iterator is None:
                advance = self._begin(advance)
            else:
                self.entered = clock()
            chunk = (run.way() if (run := life.run) is life.place else run)(advance, self._iterator)
            now = clock()
            if now - self.left >= self.longest:
                self.note_gap(now)
            self.producer += now - self.entered
            self.left, self.chunks = now, self.chunks + 1
            self.size += len(chunk) if type(chunk) is self.plain else self.size_of(chunk)
        except BaseException as error:
            self._raised(error)
            raise
        finally:
            turn.append(None)
            del advance  # no reference cycle through the traceback of what `throw` raises
            if life.closing is not None:  # requested while this step was running
                self._stop()
        return chunk

    __next__ = step


class AsyncStep(_Stepped):
    """The same for an async body, in the task that asks for the step."""

    __slots__ = ("awaited",)

    aclose: Any
    close: Any
    _lazy: Any
    """`anext` if that runs no code of the body until it is driven, as of a generator."""

    async def step(self, advance: Callable[[Any], Any] = anext) -> Any:
        """Return the next chunk, using `advance`. Each send and throw runs in the Context."""
        life, turn, run = self._life, self._turn, self._life.run
        steps, last = None, True
        try:
            del turn[0]
        except IndexError:
            return await self._busy()
        try:
            if self._iterator is None:
                advance = self._begin(advance)
            else:
                self.entered = clock()
            steps = anext(self._iterator) if advance is self._lazy else self._ask(run, advance)
            try:
                signal = (run.way() if run is life.place else run)(next, steps)
            except StopIteration as end:  # the body did not wait for anything
                chunk = end.value
            else:
                chunk = await relay(run, steps, signal, stream=self, place=life.place)
            self.leave(chunk, clock())
            last = False
        except BaseException as error:
            last = self._raised(error)
            raise
        finally:
            turn.append(None)
            del advance, steps  # no reference cycle through the traceback of what `athrow` raises
            if life.closing is not None:  # requested while this step was running
                self.close() if last else await self.aclose()
        return chunk

    def _ask(self, run: Any, advance: Callable[[Any], Any]) -> Any:
        """What drives the body's next step."""
        return run(steps_of, run(advance, self._iterator))

    __anext__ = step


if not TYPE_CHECKING and compiled is not None:
    Step, AsyncStep = compiled.Step, compiled.AsyncStep
