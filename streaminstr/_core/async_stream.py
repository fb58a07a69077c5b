"""An async body whose steps run in a private Context, and which ends exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from operator import methodcaller
from types import AsyncGeneratorType
from typing import Any, Self, TypeVar
from weakref import ref

from streaminstr._calls import loop
from streaminstr._calls.cancellation import is_cancellation
from streaminstr._calls.cleanup import aclose_all, async_closers_of, needs_a_loop, own_close
from streaminstr._core.ends import Ends
from streaminstr._core.life import Life
from streaminstr._core.step import AsyncStep
from streaminstr._core.within import steps_of, within
from streaminstr.types import CancelledBy

ChunkT = TypeVar("ChunkT")


async def _give(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


class AsyncStream(AsyncStep, Ends, AsyncIterator[ChunkT]):
    """An async body whose steps run in a Context of their own, in the task that awaits them."""

    __slots__ = ("__weakref__", "_closers", "_is_interrupted", "_lazy", "_loop", "_primed")
    _loop: Any
    _ended = _give()
    with suppress(StopAsyncIteration):
        steps_of(_ended.__anext__()).send(None)
    _exhausted = StopAsyncIteration
    _give = staticmethod(_give)
    _iter = staticmethod(aiter)
    _closers_of = staticmethod(async_closers_of)

    def __init__(self, life: Life, body: Any, *counting: Any, closers: Any = None) -> None:
        """As of `Stream`."""
        super().__init__(life, body, *counting)
        self._closers, self._primed = closers, None
        self._loop = self._lazy = self.awaited = None
        self._is_interrupted = False
        life.belongs_to(ref(self))

    async def _busy(self) -> Any:
        """Called for a step that does not have the turn."""
        if not await self._astop():  # else the turn was kept for this step
            self._refuse()
        return await self.step()

    def asend(self, value: Any) -> Awaitable[ChunkT]:
        """Resume an async generator body with `value`; returns its next chunk."""
        target = self._target if self._primed is None else _give()
        if value is not None and self._iterator is None and isinstance(target, AsyncGeneratorType):
            return target.asend(value)  # refuses it: nothing has run
        return self.step(anext if self._primed is not None else methodcaller("asend", value))

    def athrow(self, *error: Any) -> Awaitable[ChunkT]:
        """Raise an exception in an async generator body, where it is suspended."""
        return self.step(methodcaller("athrow", *error))

    async def aprime(self) -> Self:
        """Take the first chunk now, in the stream's Context; the first step returns it.

        An exception of the body propagates from here, and the stream has failed. An empty body has
        completed. Does nothing if a step was already taken. Returns the stream.
        """
        if not self._may_prime():
            return self
        try:
            advance = self._begin(anext)
            self._prime_with(await within(self._life.run, advance, self._iterator))
        except StopAsyncIteration as end:
            self._raised(end)
        except BaseException as error:
            self._raised(error)
            raise
        finally:
            self._turn.append(None)
            if self._life.closing:
                self.close()
        return self

    async def aclose(self) -> None:
        """End the stream and run the body's own clean-up, in the current task. Can be called twice.

        If a step is running elsewhere, that step ends the stream when it returns.
        """
        self._life.ask_to_close()
        await self._astop()

    async def _astop(self) -> bool:
        """End the stream here; False where another task or thread has the turn."""
        if not self._take_turn():
            return False
        try:
            await within(self._life.run, aclose_all, self._take_closers())
        finally:
            try:
                if self._life.is_open:
                    self._end(GeneratorExit())
            finally:
                self._turn.append(None)
        return True

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream. Can be called from any thread, with or without a running loop, and twice.

        The body's clean-up is awaited on its own loop, and the scopes close after it: during this
        call if possible, else as soon as the loop runs it. If a step is running, that step ends
        the stream when it returns.
        """
        self._life.ask_to_close(cancelled_by)
        if loop.is_alive(self._loop):
            if self._is_stepped:
                return
            if self.needs_its_loop() and loop.spawn(
                self._loop, self.aclose, self._life.copy_for_task()
            ):
                return
        elif self._is_stepped and self._loop is not loop.FOREIGN:  # that step never returns
            self.give_up()
            return
        if self._closers is None:  # no loop is left to await `aclose`, so `close` replaces it
            self._closers = own_close(self._body)
        self._stop()

    def needs_its_loop(self) -> bool:
        """Whether something of the body has to be awaited when it is closed."""
        return any(map(needs_a_loop, self._owed()))

    def end_soon(self, cancelled_by: CancelledBy | None = None, reason: str | None = None) -> None:
        """Make the stream end in the task that steps it. A step that waits is interrupted.

        The body sees the cancellation of what it awaits. The task of the request is not cancelled.
        A body that continues after that is not interrupted again.
        """
        super().end_soon(cancelled_by, reason)
        if self._is_stepped and not self._is_interrupted and loop.is_alive(self._loop):
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        """Cancel what the step waits for. Called in the stream's event loop."""
        cancel = getattr(self.awaited, "cancel", None)
        if cancel is not None and not self._is_interrupted:
            self._is_interrupted = bool(cancel())

    def is_interrupt(self, error: BaseException) -> bool:
        """Whether `error` came out of the body because of our interruption."""
        has_ended = isinstance(error, StopAsyncIteration) or is_cancellation(error)
        return self._is_interrupted and has_ended and not loop.cancel_requests()

    def last_chunk(self) -> Any:
        """What an interrupted step returns instead; raises StopAsyncIteration if nothing."""
        if (last := self._last_word()) is None:
            raise StopAsyncIteration from None
        return last

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def _begin(self, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        self._loop = loop.current()
        advance = Ends._begin(self, advance)  # noqa: SLF001 - AsyncStep only declares it
        self._lazy = anext if type(self._iterator) is AsyncGeneratorType else None
        return advance

    async def _handed_out(self, chunk: Any, _: Any) -> Any:
        return chunk

    def _drop(self) -> None:
        """End the stream here. Closers that need a loop are awaited on the body's own."""
        left = [one for one in self._owed() if needs_a_loop(one)]
        last = [self._target]
        context = self._life.copy_for_task()  # before `_stop` binds the stream to this thread
        if not self._stop():  # dropped together with a step that is still suspended
            self.give_up()
        if isinstance(last[0], AsyncGeneratorType):
            left = [one for one in left if getattr(one, "__self__", None) is not last[0]]
            self._iterator = self._body = None
            # The interpreter closes the generator, once, in the Context in which it is freed.
            context.run(last.clear)
        if left:
            loop.spawn(self._loop, partial(aclose_all, left), context)
