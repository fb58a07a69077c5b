"""The iterators that a WSGI server gets in place of the application's result."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from streaminstr._calls.errors import hand_on
from streaminstr._core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context

    from streaminstr.types import CancelledBy


class StreamedResult(Stream[bytes]):
    """A stream over the result, in the response's own Context, that ends the response, too."""

    __slots__ = ("finish",)
    finish: Callable[[], None]
    """What comes after the close."""

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream. Where the server does, that is the end of the response."""
        try:
            super().close(cancelled_by=cancelled_by)
        except BaseException as error:
            hand_on(self._life.context, error)
            raise
        finally:
            if cancelled_by is None:
                finish, self.finish = self.finish, _nothing
                finish()


class Result:
    """An iterator over a result without a scope that ends the response when it is closed.

    Its steps and its close run in the response's own Context: what a middleware has entered there
    can be left there alone.
    """

    __slots__ = ("_close", "_context", "_finish", "_steps")

    def __init__(self, result: Any, context: Context, finish: Callable[[], None]) -> None:
        """`finish` is what comes after the close."""
        self._context, self._finish = context, finish
        self._close = getattr(result, "close", None)
        # Asks for the iterator no sooner than the server asks for the first chunk.
        self._steps: Iterator[bytes] = chain.from_iterable((result,))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            return self._context.run(next, self._steps)  # not by `_enter`, for speed
        except StopIteration:
            raise
        except RuntimeError as error:
            if not _is_entered(self._context, error):
                hand_on(self._context, error)
                raise
        except BaseException as error:
            hand_on(self._context, error)
            raise
        return self._context.copy().run(next, self._steps)

    def close(self) -> None:
        """End the response; twice does nothing."""
        close, self._close = self._close, None
        finish, self._finish = self._finish, _nothing
        try:
            if close is not None:
                self._enter(close)
        except BaseException as error:
            hand_on(self._context, error)
            raise
        finally:
            # What has no `close` is cleaned up when it is dropped: there, too.
            held, self._steps = [self._steps], iter(())
            del close
            self._enter(held.clear)
            finish()

    def _enter(self, function: Callable[[], object]) -> None:
        """Call `function` in the Context; in a copy where another thread is in it."""
        try:
            self._context.run(function)
        except RuntimeError as error:
            if not _is_entered(self._context, error):
                raise
        else:
            return
        self._context.copy().run(function)


class OneChunk(Result):
    """A result that has said that it is one chunk: servers make a Content-Length of that."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1


def _is_entered(context: Context, error: RuntimeError) -> bool:
    """Whether `context` could not be entered. Then nothing was called: nothing else enters it."""
    return str(error) == f"cannot enter context: {context!r} is already entered"


def _nothing() -> None:
    """Do nothing."""
