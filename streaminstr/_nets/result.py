"""What a WSGI server is given in place of the application's result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from streaminstr._core.errors import hand_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context


class Result:
    """An iterator over the result that ends the response when it is closed.

    Its steps and its close run in the response's own Context: what a middleware has entered there
    can be left there alone. A stream enters that Context by itself.
    """

    __slots__ = ("_close", "_context", "_finish", "_result", "_run", "_steps")

    def __init__(
        self, result: Any, context: Context, finish: Callable[[], None], run: Callable[..., Any]
    ) -> None:
        """`run` calls a function in `context`, `finish` is what comes after the close."""
        self._result, self._context, self._finish, self._run = result, context, finish, run
        self._close = getattr(result, "close", None)
        self._steps: Iterator[bytes] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            if self._steps is None:  # not sooner than the server asks for the first chunk
                self._steps = self._run(iter, self._result)
            return self._run(next, self._steps)  # type: ignore[no-any-return]
        except StopIteration:
            raise
        except BaseException as error:
            hand_on(self._context, error)
            raise

    def close(self) -> None:
        """End the response; twice does nothing."""
        close, self._close = self._close, None
        finish, self._finish = self._finish, _nothing
        try:
            if close is not None:
                self._run(close)
        except BaseException as error:
            hand_on(self._context, error)
            raise
        finally:
            # What has no `close` is cleaned up when it is dropped: there, too.
            held, self._result, self._steps = [self._result, self._steps], (), iter(())
            del close
            enter(self._context, held.clear)
            finish()


class OneChunk(Result):
    """A result that has said that it is one chunk: servers make a Content-Length of that."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1


def enter(context: Context, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in `context`; in a copy where another thread is in it."""
    try:
        return context.run(function, *arguments)
    except RuntimeError as error:
        # Raised before `function` was called: nothing else can try to enter this Context.
        if str(error) != f"cannot enter context: {context!r} is already entered":
            raise
    return context.copy().run(function, *arguments)


def _nothing() -> None:
    """Do nothing."""
