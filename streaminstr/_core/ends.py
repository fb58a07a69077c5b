"""The start and the end of a stream, shared by sync and async streams."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter as clock
from types import AsyncGeneratorType, GeneratorType
from typing import Any, ClassVar, NoReturn

from streaminstr._core.cleanup import CLEANED, close_all
from streaminstr._core.errors import hand_on
from streaminstr._core.handle import current
from streaminstr._core.life import never_stepped
from streaminstr._core.meter import CutStep
from streaminstr._core.outcome import Cut, Ending, is_cancellation
from streaminstr._core.turn import Turn
from streaminstr.types import Outcome, StreamReport


class Ends(Turn):
    """How a stream starts and ends. A subclass adds the steps, sync or async."""

    __slots__ = ()
    _closers: Iterable[Callable[[], object]] | None
    _body: Any
    _iterator: Any
    _primed: tuple[Any, Any] | None
    _ended: ClassVar[Any]
    """The iterator after a close: a closed generator, so it behaves like one."""
    _give: ClassVar[Any]
    """Returns an iterator over one chunk."""
    _iter: ClassVar[Any]
    _closers_of: ClassVar[Any]
    _hand_out: Callable[..., Callable[[Any], Any]]
    """Returns the function that takes the first step of a primed stream."""

    _drop: Callable[[], object]
    """Ends a stream that the garbage collector is about to free."""

    def __del__(self) -> None:
        life = self._life
        try:
            if life.is_open:
                life.ask_to_close(ending=Ending.DROPPED)
                self._drop()
        except BaseException:
            if life.is_open:  # the drop was interrupted: this is the last chance to finish it
                self._drop()
            raise
        finally:
            self._warn_if_abandoned()

    def report(self) -> StreamReport:
        """The numbers so far."""
        return self._life.report(self)

    def give_up(self) -> None:
        """Close the scopes although a step or a clean-up is still running."""
        self._life.end(self, GeneratorExit())

    def __reduce__(self) -> NoReturn:
        msg = f"cannot copy or pickle a {type(self).__name__}: its body cannot be copied"
        raise TypeError(msg)

    def _begin(self, advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Start the scopes and get the body's iterator. Returns the function for the step."""
        if self._primed is not None:
            (chunk, self._iterator), self._primed = self._primed, None
            self.entered = clock()
            return self._hand_out(chunk, advance)
        life = self._life
        life.enter(life.begin)
        self.begin(clock())
        advance = life.handle.before(advance, current.get())
        self._iterator = life.run(self._iter, self._body)
        return advance

    def _prime_with(self, chunk: Any) -> None:
        """Keep the first chunk for the first step."""
        self.left = clock()
        self.producer = self.left - self.entered
        self._primed, self._iterator = (chunk, self._iterator), None

    def _raised(self, error: BaseException) -> bool:
        """Handle an exception out of a step: end the stream, unless the body can continue.

        Returns True if this step can no longer await anything.
        """
        if isinstance(error, self._exhausted):
            self._end(GeneratorExit() if self._is_interrupted else None)
        else:
            hand_on(self._life.context, error)
            if not self._was_cut(error):
                self._end(error)
        return not self._is_interrupted or isinstance(error, GeneratorExit)

    def _end(self, error: BaseException | None) -> None:
        self._life.enter(partial(self._life.end, self, error))

    def _was_cut(self, error: BaseException) -> bool:
        """Record a step that was cut from outside, if the body can continue."""
        if self._iterator is None or has_finished(self._iterator):
            return False
        if isinstance(error, TimeoutError):
            how = Cut.TIMEOUT
        elif is_cancellation(error) and not isinstance(error, GeneratorExit):
            how = Cut.CANCELLATION
        else:
            return False
        self.cut = CutStep(how, self.entered, (type(error), error.args))
        self.producer += clock() - self.entered
        return True

    def _stop(self) -> bool:
        """End the stream now, in this thread; False if another thread has the turn."""
        if not self._take_turn():
            return False
        try:
            self._life.run(close_all, self._take_closers())
        finally:
            try:
                self._end(GeneratorExit())
            finally:
                self._turn.append(None)
        return True

    @property
    def _target(self) -> Any:
        """What the next step advances: the iterator, or the body if there is no iterator yet."""
        if self._primed is not None:
            return self._primed[1]
        return self._body if self._iterator is None else self._iterator

    def _owed(self) -> list[Callable[[], object]]:
        if self._closers is CLEANED:
            return []
        iterator = self._iterator if self._primed is None else self._primed[1]
        owed: list[Callable[[], object]] = self._closers_of(self._body, iterator, self._closers)
        return owed

    def _take_closers(self) -> list[Callable[[], object]]:
        owed, self._closers = self._owed(), CLEANED
        held = [self._body, self._iterator, self._primed]
        self._body, self._primed = None, None
        self._iterator = self._ended if (last := self._last_word()) is None else self._give(last)
        # An iterator without `close`, such as `chain`, is cleaned up when it is freed: here, too.
        return [*owed, held.clear]

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
    """Whether `iterator` is a finished generator, or a stream over one."""
    if isinstance(iterator, GeneratorType):
        return iterator.gi_frame is None
    if isinstance(iterator, AsyncGeneratorType):
        return iterator.ag_frame is None
    if isinstance(iterator, Ends):
        return has_finished(iterator._iterator)  # noqa: SLF001 - a stream over a stream
    return False
