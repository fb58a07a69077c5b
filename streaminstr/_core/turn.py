"""Who steps or ends a stream, and how it is asked to end: the rule of the turn is in `step.py`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from streaminstr._core import loop
from streaminstr._core.guard import guarded
from streaminstr._core.meter import Meter
from streaminstr._core.outcome import is_cancellation

if TYPE_CHECKING:
    from streaminstr._core.life import Life
    from streaminstr.types import CancelledBy


class Turn(Meter):
    """Takes the turn of a stream, or keeps it for the next step, which then ends the stream."""

    __slots__ = ()
    _exhausted: ClassVar[type[Exception]]
    _is_interrupted = False
    """Whether the end of the body was brought about from outside."""
    _life: Life
    _turn: list[None]

    def end_soon(self, cancelled_by: CancelledBy | None = None, reason: str | None = None) -> None:
        """Have the stream end where it is stepped: at its next step or close, or with this one.

        Called from any thread. A stream that is not stepped again stays open.
        """
        self._life.ask_to_close(cancelled_by, reason)
        closing = self._life.closing
        if closing is not None and self._take_turn():
            closing.turn.append(None)

    def _take_turn(self) -> bool:
        closing = self._life.closing
        for place in (self._turn,) if closing is None else (self._turn, closing.turn):
            try:
                del place[0]
            except IndexError:
                continue
            return True
        return False

    @property
    def _is_stepped(self) -> bool:
        """Whether somebody has the turn."""
        closing = self._life.closing
        return not (self._turn or (closing is not None and closing.turn))

    def _refuse(self) -> NoReturn:
        if self._life.closing is not None:  # it is being closed: there are no more chunks
            raise self._exhausted from None
        msg = "this stream is already running a step"
        raise RuntimeError(msg) from None

    def _may_prime(self) -> bool:
        """Whether the first chunk can be taken now. Takes the turn if so."""
        if self._life.started or self._life.closing is not None:
            return False
        if not self._take_turn():
            self._refuse()
        return True

    def _last_word(self) -> Any:
        """What is sent to the client of a stream that the server ends; None: nothing."""
        closing = self._life.closing
        farewell = self._life.config.farewell
        if farewell is None or closing is None or closing.cancelled_by != "server":
            return None
        return guarded(farewell, self._life.handle, default=None)


class Interrupts(Turn):
    """The same for a stream whose step may wait for something on a loop."""

    __slots__ = ()
    _loop: Any
    awaited: Any

    def end_soon(self, cancelled_by: CancelledBy | None = None, reason: str | None = None) -> None:
        """Have the stream end where it is stepped. A step that waits is interrupted.

        Its body sees the cancellation of what it awaits; the task of the request is not cancelled.
        A body that goes on after that is not interrupted again.
        """
        super().end_soon(cancelled_by, reason)
        if self._is_stepped and not self._is_interrupted and loop.is_alive(self._loop):
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        """Called in the loop of the stream."""
        cancel = getattr(self.awaited, "cancel", None)
        if cancel is not None and not self._is_interrupted:
            self._is_interrupted = bool(cancel())

    def is_interrupt(self, error: BaseException) -> bool:
        """Whether `error` came out of the body because it was interrupted."""
        has_ended = isinstance(error, StopAsyncIteration) or is_cancellation(error)
        return self._is_interrupted and has_ended and not loop.cancel_requests()

    def last_chunk(self) -> Any:
        """What such a step returns in place of the error; raises StopAsyncIteration for nothing."""
        if (last := self._last_word()) is None:
            raise StopAsyncIteration from None
        return last
