"""A sync body whose steps run in a private Context, and which ends exactly once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from operator import methodcaller
from types import GeneratorType
from typing import Any, Self, TypeVar
from weakref import ref

from streaminstr._core.cleanup import closers_of
from streaminstr._core.ends import Ends
from streaminstr._core.life import Life
from streaminstr._core.step import Step
from streaminstr.types import CancelledBy

ChunkT = TypeVar("ChunkT")


def _iterator_of(body: Any) -> Any:
    # A body that has only `__next__` works with `next` as it is.
    return iter(body) if hasattr(body, "__iter__") or not hasattr(body, "__next__") else body


def _no_chunks() -> Generator[Any, Any, None]:
    yield from ()


def _one(chunk: Any) -> Iterator[Any]:
    return iter((chunk,))


class Stream(Step, Ends, Iterator[ChunkT]):
    """A body whose steps run in a Context of their own: an iterator with `close`.

    It is an object and never a generator, because closing an unstarted generator runs no code.
    `send` and `throw` pass through to a generator body.
    """

    __slots__ = ("__weakref__", "_closers", "_primed")
    _ended = _no_chunks()
    next(_ended, None)
    _exhausted = StopIteration
    _give = staticmethod(_one)
    _iter = staticmethod(_iterator_of)
    _closers_of = staticmethod(closers_of)
    _drop = Ends._stop  # noqa: SLF001 - its own base

    def __init__(self, life: Life, body: Any, *counting: Any, closers: Any = None) -> None:
        """Take `closers` in place of the body's own; `counting` is as in `Meter`."""
        super().__init__(life, body, *counting)
        self._closers, self._primed = closers, None
        life.belongs_to(ref(self))

    __next__ = Step.__next__

    def _busy(self) -> Any:
        """Called for a step that does not have the turn."""
        if not self._stop():  # else the turn was kept for this step
            self._refuse()
        return self.step()

    def send(self, value: Any) -> ChunkT:
        """Resume a generator body with `value`; returns its next chunk."""
        is_primed = self._primed is not None
        target = _no_chunks() if is_primed and value is not None else self._target
        if value is None and (is_primed or not hasattr(target, "send")):
            return self.step()  # type: ignore[no-any-return]
        is_fresh = self._iterator is None and isinstance(target, GeneratorType)
        if not hasattr(target, "send") or (value is not None and is_fresh):
            return target.send(value)  # type: ignore[no-any-return] # refuses it: nothing has run
        return self.step(methodcaller("send", value))  # type: ignore[no-any-return]

    def throw(self, *error: Any) -> ChunkT:
        """Raise an exception in a generator body, where it is suspended; returns its next chunk."""
        target = self._target
        try:
            if not hasattr(target, "throw") and hasattr(target, "__next__"):
                self._ended.throw(*error)  # raises it; the body is not reached
            # Coverage loses its tracer in a throw on Python 3.11.
            return self.step(partial(self._throw_into, error))  # type: ignore[no-any-return] # pragma: no cover
        finally:
            del error  # no reference cycle through the traceback

    def _throw_into(self, error: tuple[Any, ...], iterator: Any) -> Any:
        try:
            return getattr(iterator, "throw", self._ended.throw)(*error)
        finally:
            del error  # no reference cycle through the traceback

    def prime(self) -> Self:
        """Take the first chunk now, in the stream's Context; the first step returns it.

        An exception of the body propagates from here, and the stream has failed. An empty body has
        completed. Does nothing if a step was already taken. Returns the stream.
        """
        if not self._may_prime():
            return self
        try:
            advance = self._begin(next)
            self._prime_with(self._life.run(advance, self._iterator))
        except StopIteration as end:
            self._raised(end)
        except BaseException as error:
            self._raised(error)
            raise
        finally:
            self._turn.append(None)
            if self._life.closing:
                self._stop()
        return self

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream and run the body's own clean-up. Can be called from any thread, and twice.

        If a step is running elsewhere, that step ends the stream when it returns.
        """
        self._life.ask_to_close(cancelled_by)
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _hand_out(self, chunk: Any, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return (lambda _: chunk) if advance is next else advance
