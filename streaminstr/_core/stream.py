"""A sync body whose steps run in a private Context, and which ends exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from operator import methodcaller
from time import perf_counter as clock
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar
from weakref import ref

from streaminstr._core.cleanup import CLEANED, close_all, closers_of
from streaminstr._core.ends import ENDED, Ends, as_exception
from streaminstr._core.outcome import Ending
from streaminstr._core.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streaminstr._core.life import Life
    from streaminstr.types import CancelledBy

ChunkT = TypeVar("ChunkT")


class Stream(Step, Ends, Iterator[ChunkT]):
    """A body whose steps run in a Context of their own: an iterator with `close`.

    It is an object and never a generator: a generator that was never started ignores `close`.
    `send` and `throw` pass through to a generator body.
    """

    __slots__ = ("__weakref__", "_closers", "_primed")

    def __init__(
        self,
        life: Life,
        body: Any,
        size_of: Callable[[Any], int],
        closers: Iterable[Callable[[], object]] | None = None,
    ) -> None:
        super().__init__(life, body, size_of)
        self._closers = closers
        self._primed = None
        life.belongs_to(ref(self))

    __next__ = Step.__next__

    def send(self, value: Any) -> ChunkT:
        """Resume a generator body with `value`; returns its next chunk."""
        target = self._target
        if value is None and (self._primed is not None or not hasattr(target, "send")):
            return self.step()  # type: ignore[no-any-return]
        if not hasattr(target, "send") or (value is not None and self._is_fresh(target)):
            return target.send(value)  # type: ignore[no-any-return] # refuses it: nothing has run
        return self.step(methodcaller("send", value))  # type: ignore[no-any-return]

    def throw(self, *error: Any) -> ChunkT:
        """Raise an exception in a generator body, where it is suspended; returns its next chunk."""
        try:
            if not hasattr(self._target, "throw"):
                raise as_exception(*error)
            return self.step(methodcaller("throw", *error))  # type: ignore[no-any-return]
        finally:
            del error  # no reference cycle through the traceback

    def prime(self) -> Self:
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
            self._begin(next)
            chunk = self._life.run(next, self._iterator)
            self.left = clock()
            self.producer = self.left - self.entered
            self._primed, self._iterator = (chunk, self._iterator), None
        except StopIteration as end:  # an empty body
            self._raised(end)
        except BaseException as error:
            self._raised(error)
            raise
        finally:
            self._give_back()
        return self

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream and run the body's own clean-up, from any thread; twice does nothing.

        While a step is running elsewhere, that step ends the stream when it returns.
        """
        self._life.ask_to_close(Ending.CLOSED, cancelled_by)
        self._stop()

    def settle(self, size: int | None) -> None:
        """End a stream that was never stepped because the server sent its file itself."""
        life = self._life
        if not life.started:
            self._iterator = ENDED
            life.handle.facts = {**life.handle.facts, "zero_copy": True}
            life.enter(life.begin)
            self.size, self.begun = size, life.created  # type: ignore[assignment] # None: unknown
            life.enter(life.end, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            if self._life.is_open:
                self._life.ask_to_close(Ending.DROPPED)
                self._stop()
        finally:
            self._warn_if_abandoned()

    def _begin(self, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Start the scopes and ask the body for its iterator; returns how to take the step."""
        if self._primed is not None:
            (chunk, self._iterator), self._primed = self._primed, None
            self.entered = clock()
            return (lambda _: chunk) if advance is next else advance
        self._life.enter(self._life.begin)
        self.begin(clock())
        body = self._body
        # A body that has only `__next__` works with `next` as it is.
        self._iterator = (
            self._life.run(iter, body) if hasattr(body, "__iter__") else _iterator(body)
        )
        return advance

    def _is_fresh(self, target: Any) -> bool:
        return self._iterator is None and isinstance(target, GeneratorType)

    def _raised(self, error: BaseException) -> None:
        """End the stream because of what came out of a step, unless the body can go on."""
        if isinstance(error, StopIteration):
            self._life.enter(self._life.end, self)
        elif not self._was_cut(error):
            self._life.enter(self._life.end, self, error)

    def _busy(self) -> NoReturn:
        if self._life.closing is not None:  # it is being closed: there are no more chunks
            raise StopIteration from None
        msg = "this stream is already running a step"
        raise RuntimeError(msg) from None

    def _give_back(self) -> None:
        """Give the turn back, and end the stream if that was asked for meanwhile."""
        self._turn.append(None)
        if self._life.closing is not None:
            self._stop()

    def _stop(self) -> None:
        """End the stream here and now, unless another thread has the turn."""
        try:
            self._turn.pop()
        except IndexError:
            return
        try:
            closers = self._take_closers()
            try:
                self._life.run(close_all, closers)
            finally:
                self._life.enter(self._life.end, self, GeneratorExit())
        finally:
            self._turn.append(None)

    def _take_closers(self) -> list[Callable[[], object]]:
        given, self._closers = self._closers, CLEANED
        iterator, self._iterator = self._iterator, ENDED
        if self._primed is not None:
            iterator, self._primed = self._primed[1], None
        return [] if given is CLEANED else closers_of(self._body, iterator, given)


def _iterator(body: Any) -> Any:
    return body if hasattr(body, "__next__") else iter(body)
