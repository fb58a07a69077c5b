"""What sync and async streams have in common: how they end."""

from __future__ import annotations

import warnings
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn

from streaminstr._core.life import never_stepped
from streaminstr._core.outcome import Cut, is_cancellation
from streaminstr._core.step import AsyncStep, CutStep, Meter, Step
from streaminstr.types import Outcome

if TYPE_CHECKING:
    from streaminstr._core.life import Life
    from streaminstr.types import StreamReport


class Ended:
    """The iterator of a stream that was closed: exhausted, as a closed generator is."""

    def __next__(self, *_: object) -> Any:
        raise StopIteration

    async def __anext__(self, *_: object) -> Any:
        raise StopAsyncIteration

    def throw(self, *error: Any) -> Any:
        """Raise the error, as a closed generator does."""
        try:
            raise as_exception(*error)
        finally:
            del error  # no reference cycle through the traceback

    send = __next__
    asend = athrow = __anext__


ENDED = Ended()


class Ends(Meter):
    """The ends of a stream, sync or async. `_turn` and `_life` are those of its step."""

    __slots__ = ()
    _body: Any
    _iterator: Any
    _life: Life
    _primed: tuple[Any, Any] | None
    _turn: list[None]

    def report(self) -> StreamReport:
        """The numbers so far."""
        return self._life.report(self)

    def give_up(self) -> None:
        """Close the scopes although a step or a clean-up is still running."""
        self._life.end(self, GeneratorExit())

    def __reduce__(self) -> NoReturn:
        msg = f"cannot copy or pickle a {type(self).__name__}: its body cannot be copied"
        raise TypeError(msg)

    @property
    def _target(self) -> Any:
        """What the next step goes to: the iterator, or the body before there is one."""
        if self._primed is not None:
            return self._primed[1]
        return self._body if self._iterator is None else self._iterator

    def _was_cut(self, error: BaseException) -> bool:
        """Remember a step that was cut from outside, if the body can go on."""
        if self._iterator is None or has_finished(self._iterator):
            return False
        if isinstance(error, TimeoutError):
            how = Cut.TIMEOUT
        elif is_cancellation(error) and not isinstance(error, GeneratorExit):
            how = Cut.CANCELLATION
        else:
            return False
        self.cut = CutStep(how, self.chunks, (type(error), error.args))
        return True

    def _warn_if_abandoned(self) -> None:
        life = self._life
        if not life.started:
            never_stepped[life.handle.info.name] += 1
        elif life.outcome is Outcome.ABANDONED:
            warnings.warn(
                f"stream {life.handle.info.name!r} was dropped before its end and without close()",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )


def has_finished(iterator: Any) -> bool:
    """Whether `iterator` is a generator, or a stream over one, that can give no more chunks."""
    if isinstance(iterator, GeneratorType):
        return iterator.gi_frame is None
    if isinstance(iterator, AsyncGeneratorType):
        return iterator.ag_frame is None
    if isinstance(iterator, Step | AsyncStep):
        return iterator._iterator is ENDED or has_finished(iterator._iterator)  # noqa: SLF001 - a stream over a stream
    return False


def as_exception(kind: Any, value: Any = None, traceback: Any = None) -> BaseException:
    """The exception that `generator.throw` makes of its arguments."""
    if not isinstance(kind, BaseException):
        kind = value if isinstance(value, kind) else kind() if value is None else kind(value)
    error: BaseException = kind
    return error if traceback is None else error.with_traceback(traceback)
