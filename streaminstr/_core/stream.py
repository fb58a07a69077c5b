"""A sync body whose steps run in a private Context, and which ends exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from operator import methodcaller
from types import GeneratorType
from typing import Any, Self, TypeVar
from weakref import ref

from streaminstr._core.ends import Ends
from streaminstr._core.life import Life
from streaminstr._core.step import Step
from streaminstr.types import CancelledBy

ChunkT = TypeVar("ChunkT")


class Stream(Step, Ends, Iterator[ChunkT]):
    """A body whose steps run in a Context of their own: an iterator with `close`.

    It is an object and never a generator, because closing an unstarted generator runs no code.
    `send` and `throw` pass through to a generator body.
    """

    __slots__ = ("__weakref__", "_closers", "_primed")

    def __init__(self, life: Life, body: Any, *counting: Any, closers: Any = None) -> None:
        """Take `closers` in place of the body's own; `counting` is as in `Meter`."""
        super().__init__(life, body, *counting)
        self._closers, self._primed = closers, None
        life.belongs_to(ref(self))

    def _busy(self) -> Any:
        """Called for a step that does not have the turn."""
        if not self._stop():  # else the turn was kept for this step
            self._refuse()
        return self.step()

    def send(self, value: Any) -> Any:
        """Resume a generator body with `value`; returns its next chunk."""
        target = self._target if self._primed is None else self._give()
        if value is None and (self._primed is not None or not hasattr(target, "send")):
            return self.step()
        is_fresh = self._iterator is None and isinstance(target, GeneratorType)
        if (is_fresh and value is not None) or not hasattr(target, "send"):
            return target.send(value)  # refuses it: nothing has run
        return self.step(methodcaller("send", value))

    def throw(self, *error: Any) -> Any:
        """Raise an exception in a generator body, where it is suspended; returns its next chunk."""
        target, ended = self._target, self._ended
        try:
            if not hasattr(target, "throw") and hasattr(target, "__next__"):
                ended.throw(*error)  # raises it; the body is not reached
            # Coverage loses its tracer in a throw on Python 3.11.
            return self.step(lambda it: getattr(it, "throw", ended.throw)(*error))  # noqa: F821 - deleted below # pragma: no cover
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
