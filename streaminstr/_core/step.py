"""One step of a body: the code that each chunk meets, and what it measures. Read it first.

Rule of the turn. A stream is stepped and ended by one thread at a time, the one that has the turn.
To take the turn is one atomic operation that never waits: `del` on a list of one element, which
fails while another thread has it; `append` gives it back. It is no call: Python looks for signals
after each call, and an interrupt there would lose the turn.

1. Who steps or ends a stream takes the turn first, and after giving it back looks at
   `life.closing`.
2. Who wants an end sets `life.closing` first, and then tries for the turn.

So one of the two always sees the other, and no thread ever waits.

Who wants the end in the stream's own place, and not here, puts the turn that it has taken into
`life.closing.turn`. The next step or close finds it there, and ends the stream.

A compiled copy takes the place of `Step` and `AsyncStep` where it is installed (`speedups/`).
"""

from __future__ import annotations

from time import perf_counter as clock
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any

from streaminstr._core.meter import Meter
from streaminstr._core.within import relay, steps_of
from streaminstr._speedups import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr._core.life import Life


class _Stepped(Meter):
    """What both kinds of steps work on.

    A subclass says what happens at the first step (`_begin`), when a step raises (`_raised`), when
    the turn is taken (`_busy`), and when an end was asked for meanwhile (`_stop`, `close`).
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

    # `Meter.leave` is written out in it: a call costs as much as all of it.
    def step(self, advance: Callable[[Any], Any] = next) -> Any:
        """The next chunk, by `advance`; raises what comes out of the body."""
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
            chunk = life.run(advance, self._iterator)
            now = clock()
            self.producer += now - self.entered
            if self.chunks == 0:
                self.first = now
            elif now - self.left > self.longest:
                self.longest = now - self.left
            self.left, self.chunks = now, self.chunks + 1
            self.size += len(chunk) if type(chunk) is self.plain else self.size_of(chunk)
        except BaseException as error:
            self._raised(error)
            raise
        finally:
            turn.append(None)
            del advance  # no reference cycle through the traceback of what `throw` raises
            if life.closing is not None:  # asked for while this step was running
                self._stop()
        return chunk

    __next__ = step


class AsyncStep(_Stepped):
    """The same for an async body, in the task that asks for the step."""

    __slots__ = ("awaited",)

    aclose: Any
    close: Any
    last_chunk: Any
    is_interrupt: Any

    async def step(self, advance: Callable[[Any], Any] = anext) -> Any:
        """The next chunk, by `advance`. Each send and throw of what it awaits is in the Context."""
        life, turn, run, steps, last = self._life, self._turn, self._life.run, None, True
        try:
            del turn[0]
        except IndexError:
            return await self._busy()
        try:
            if self._iterator is None:
                advance = self._begin(advance)
            else:
                self.entered = clock()
            lazy = type(self._iterator) is AsyncGeneratorType and advance is anext  # runs no code
            steps = anext(self._iterator) if lazy else run(steps_of, run(advance, self._iterator))
            try:
                signal = run(next, steps)
            except StopIteration as end:  # the body did not wait for anything
                chunk = end.value
            else:
                chunk = await relay(run, steps, signal, stream=self)
            self.leave(chunk, clock())
            last = False
        except BaseException as error:
            last = self._raised(error)
            raise
        finally:
            turn.append(None)
            del advance, steps  # no reference cycle through the traceback of what `athrow` raises
            if life.closing is not None:  # asked for while this step was running
                self.close() if last else await self.aclose()
        return chunk

    __anext__ = step


if not TYPE_CHECKING and compiled is not None:
    Step, AsyncStep = compiled.Step, compiled.AsyncStep
