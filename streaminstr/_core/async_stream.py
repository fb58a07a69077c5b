"""An async body whose steps run in a private Context, and which ends exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from operator import methodcaller
from time import perf_counter as clock
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar
from weakref import ref

from streaminstr._core import loop
from streaminstr._core.cleanup import CLEANED, aclose_all, async_closers_of, close_all, needs_a_loop
from streaminstr._core.ends import ENDED, Ends
from streaminstr._core.outcome import Ending
from streaminstr._core.step import AsyncStep
from streaminstr._core.within import within

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable

    from streaminstr._core.life import Life
    from streaminstr.types import CancelledBy

    Closer = Callable[[], object]

ChunkT = TypeVar("ChunkT")


class AsyncStream(AsyncStep, Ends, AsyncIterator[ChunkT]):
    """An async body whose steps run in a Context of their own, in the task that asks for them."""

    __slots__ = ("__weakref__", "_closers", "_loop", "_primed")

    def __init__(
        self,
        life: Life,
        body: AsyncIterable[ChunkT],
        size_of: Callable[[Any], int],
        closers: Iterable[Closer] | None = None,
    ) -> None:
        super().__init__(life, body, size_of)
        self._closers = closers
        self._loop: Any = None
        self._primed = None
        life.belongs_to(ref(self))

    __anext__ = AsyncStep.__anext__

    def asend(self, value: Any) -> Awaitable[ChunkT]:
        """Resume an async generator body with `value`; returns its next chunk."""
        target = self._target
        if value is not None and self._iterator is None and isinstance(target, AsyncGeneratorType):
            return target.asend(value)  # refuses it: nothing has run
        return self.step(anext if self._primed is not None else methodcaller("asend", value))

    def athrow(self, *error: Any) -> Awaitable[ChunkT]:
        """Raise an exception in an async generator body, where it is suspended."""
        return self.step(methodcaller("athrow", *error))

    async def aprime(self) -> Self:
        """Take the first chunk now, in the stream's Context; the first step returns it.

        An exception of the body comes out here, and the stream has failed. An empty body is
        completed. Does nothing when a step was taken already. Returns the stream.
        """
        if self._life.started or self._life.closing is not None:
            return self
        try:
            self._turn.pop()
        except IndexError:
            self._busy()
        try:
            self._begin(anext)
            chunk = await within(self._life.run, anext, self._iterator)
            self.left = clock()
            self.producer = self.left - self.entered
            self._primed, self._iterator = (chunk, self._iterator), None
        except StopAsyncIteration as end:
            self._raised(end)
        except BaseException as error:
            self._raised(error)
            raise
        finally:
            self._give_back()
        return self

    async def aclose(self) -> None:
        """End the stream and run the body's own clean-up, in this task; twice does nothing.

        While a step is running elsewhere, that step ends the stream when it returns.
        """
        self._life.ask_to_close(Ending.CLOSED)
        try:
            self._turn.pop()
        except IndexError:
            return
        try:
            await within(self._life.run, aclose_all, self._take_closers())
        finally:
            try:
                self._life.enter(self._life.end, self, GeneratorExit())
            finally:
                self._turn.append(None)

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream, from any thread, also where no loop runs; twice does nothing.

        The body's clean-up is awaited on its own loop, and the scope closes after it: with this
        call where that is possible, else as soon as the loop comes to it. While a step is running,
        that step ends the stream when it returns.
        """
        self._life.ask_to_close(Ending.CLOSED, cancelled_by)
        if loop.is_alive(self._loop):
            if not self._turn:
                return
            owed = any(map(needs_a_loop, self._owed()))
            if owed and loop.spawn(self._loop, self.aclose, self._life.context.copy()):
                return
        elif not self._turn and self._loop is not loop.FOREIGN:  # that step never returns
            self.give_up()
            return
        self._stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        try:
            if self._life.is_open:
                self._drop()
        finally:
            self._warn_if_abandoned()

    def _begin(self, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Start the scopes and ask the body for its iterator; returns how to take the step."""
        if self._primed is not None:
            (chunk, self._iterator), self._primed = self._primed, None
            self.entered = clock()
            return partial(_hand_out, chunk) if advance is anext else advance
        self._loop = loop.current()
        self._life.enter(self._life.begin)
        self.begin(clock())
        self._iterator = self._life.run(aiter, self._body)
        return advance

    def _raised(self, error: BaseException) -> None:
        """End the stream because of what came out of a step, unless the body can go on."""
        if isinstance(error, StopAsyncIteration):
            self._life.enter(self._life.end, self)
        elif not self._was_cut(error):
            self._life.enter(self._life.end, self, error)

    def _busy(self) -> NoReturn:
        if self._life.closing is not None:  # it is being closed: there are no more chunks
            raise StopAsyncIteration from None
        msg = "anext(): this stream is already running a step"
        raise RuntimeError(msg) from None

    def _give_back(self) -> None:
        """Give the turn back, and end the stream if that was asked for meanwhile."""
        self._turn.append(None)
        if self._life.closing is not None:
            self.close()

    def _stop(self) -> None:
        """End the stream here and now, with what of its clean-up needs no event loop."""
        try:
            self._turn.pop()
        except IndexError:
            return
        try:
            closers = [one for one in self._take_closers() if not needs_a_loop(one)]
            try:
                self._life.run(close_all, closers)
            finally:
                self._life.enter(self._life.end, self, GeneratorExit())
        finally:
            self._turn.append(None)

    def _drop(self) -> None:
        """End a stream that the garbage collector found."""
        life = self._life
        life.ask_to_close(Ending.DROPPED)
        left = [one for one in self._owed() if needs_a_loop(one)]
        generator = self._target
        if self._turn:
            self._stop()
        else:  # in a step that was dropped with it
            self.give_up()
        if isinstance(generator, AsyncGeneratorType):
            left = [one for one in left if getattr(one, "__self__", None) is not generator]
            self._iterator = self._body = None
            # The interpreter closes it, once, in the Context in which it is dropped.
            last = [generator]
            del generator
            life.context.copy().run(last.clear)
        if left:
            loop.spawn(self._loop, partial(aclose_all, left), life.context.copy())

    def _owed(self) -> list[Closer]:
        if self._closers is CLEANED:
            return []
        iterator = self._iterator if self._primed is None else self._primed[1]
        return async_closers_of(self._body, iterator, self._closers)

    def _take_closers(self) -> list[Closer]:
        owed, self._closers = self._owed(), CLEANED
        self._iterator, self._primed = ENDED, None
        return owed


async def _hand_out(chunk: Any, _: Any) -> Any:
    return chunk
