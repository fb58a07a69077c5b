"""The start and the end of a stream, shared by sync and async streams."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable
from functools import partial
from time import perf_counter as clock
from typing import Any, ClassVar, NoReturn

from streaminstr._calls.cancellation import is_cancellation
from streaminstr._calls.cleanup import CLEANED, Closer, close_all, closers_of, has_finished
from streaminstr._calls.errors import hand_on
from streaminstr._core.handle import current
from streaminstr._core.life import never_stepped
from streaminstr._core.meter import CutStep
from streaminstr._core.outcome import Cut, Ending
from streaminstr._core.turn import Turn
from streaminstr.types import Outcome, StreamReport


def _iterator_of(body: Any) -> Any:
    # A body that has only `__next__` works with `next` as it is.
    return iter(body) if hasattr(body, "__iter__") or not hasattr(body, "__next__") else body


def _give(*chunks: Any) -> Generator[Any, Any, None]:
    yield from chunks


class Ends(Turn):
    """How a stream starts and ends. `AsyncStream` replaces what is for a sync body."""

    __slots__ = ()
    _closers: Iterable[Closer] | None
    _body: Any
    _iterator: Any
    _primed: tuple[Any, Any] | None
    _give: ClassVar[Any] = staticmethod(_give)
    _ended: ClassVar[Any] = _give()
    """The iterator after a close: a closed generator, so it behaves like one."""
    _ended.close()
    _iter: ClassVar[Any] = staticmethod(_iterator_of)
    _closers_of: ClassVar[Callable[..., list[Closer]]] = staticmethod(closers_of)

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
            name = life.handle.info.name
            if not life.started:
                never_stepped[name] += 1
            elif life.outcome is Outcome.ABANDONED:
                problem = f"stream {name!r} was dropped before its end and without close()"
                warnings.warn(problem, ResourceWarning, stacklevel=1, source=self)

    def report(self) -> StreamReport:
        """The numbers so far."""
        return self._life.report(self)

    def needs_its_loop(self) -> bool:
        """Whether something of the body has to be awaited when it is closed: not of a sync one."""
        return False

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
            return partial(self._handed_out, chunk) if advance in (next, anext) else advance
        life = self._life
        life.enter(life.begin)
        self.begin(clock())
        advance = life.handle.before(advance, current.get())
        self._iterator = life.run(self._iter, self._body)
        return advance

    def _handed_out(self, chunk: Any, _: Any) -> Any:
        """The first step of a primed stream."""
        return chunk

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
        if self._iterator is None or has_finished(_innermost(self._iterator)):
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
                if self._life.is_open:
                    self._end(GeneratorExit())
            finally:
                self._turn.append(None)
        return True

    def _drop(self) -> None:
        """End a stream that the garbage collector is about to free."""
        self._stop()

    @property
    def _target(self) -> Any:
        """What the next step advances: the iterator, or the body if there is no iterator yet."""
        if (primed := self._primed) is not None:
            return primed[1]
        return self._body if self._iterator is None else self._iterator

    def _owed(self) -> list[Closer]:
        given = self._closers  # read once: another thread may take the closers meanwhile
        return [] if given is CLEANED else self._closers_of(self._body, self._target, given)

    def _take_closers(self) -> list[Closer]:
        owed, self._closers = self._owed(), CLEANED
        held = [self._body, self._iterator, self._primed]
        self._body, self._primed = None, None
        self._iterator = self._ended if (last := self._last_word()) is None else self._give(last)
        # An iterator without `close`, such as `chain`, is cleaned up when it is freed: here, too.
        return [*owed, held.clear]


def _innermost(iterator: Any) -> Any:
    """The iterator of a stream over streams."""
    while isinstance(iterator, Ends):
        iterator = iterator._iterator  # noqa: SLF001 - another stream's
    return iterator
