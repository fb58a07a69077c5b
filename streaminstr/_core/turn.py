"""The turn to step or end a stream, and requests to end it. `step.py` explains the turn."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar, NoReturn

from streaminstr._core import loop
from streaminstr._core.guard import guarded
from streaminstr._core.life import Life
from streaminstr._core.meter import Meter
from streaminstr._core.outcome import is_cancellation
from streaminstr.types import CancelledBy


class Turn(Meter):
    """Takes the turn of a stream, or keeps it for the next step, which then ends the stream."""

    __slots__ = ()
    _exhausted: ClassVar[type[Exception]]
    _is_interrupted = False
    """Whether the body was interrupted from outside."""
    _life: Life
    _turn: list[None]

    def end_soon(self, cancelled_by: CancelledBy | None = None, reason: str | None = None) -> None:
        """Make the stream end in the thread that steps it, at its current or next step or close.

        Can be called from any thread. A stream that is not stepped again stays open.
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
        """Whether a step or a close has the turn."""
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
        """The last chunk for the client when the server ends the stream; None for nothing."""
        closing = self._life.closing
        farewell = self._life.config.farewell
        if farewell is None or closing is None or closing.cancelled_by != "server":
            return None
        return guarded(farewell, self._life.handle, default=None)


class Interrupts(Turn):
    """The same for a stream whose step may wait on an event loop."""

    __slots__ = ()
    _loop: Any
    awaited: Any

    def end_soon(self, cancelled_by: CancelledBy | None = None, reason: str | None = None) -> None:
        """Make the stream end in the task that steps it. A step that waits is interrupted.

        The body sees the cancellation of what it awaits. The task of the request is not cancelled.
        A body that continues after that is not interrupted again.
        """
        super().end_soon(cancelled_by, reason)
        if self._is_stepped and not self._is_interrupted and loop.is_alive(self._loop):
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        """Cancel what the step waits for. Called in the stream's event loop."""
        cancel = getattr(self.awaited, "cancel", None)
        if cancel is not None and not self._is_interrupted:
            self._is_interrupted = bool(cancel())

    def is_interrupt(self, error: BaseException) -> bool:
        """Whether `error` came out of the body because of our interruption."""
        has_ended = isinstance(error, StopAsyncIteration) or is_cancellation(error)
        return self._is_interrupted and has_ended and not loop.cancel_requests()

    def last_chunk(self) -> Any:
        """What an interrupted step returns instead; raises StopAsyncIteration if nothing."""
        if (last := self._last_word()) is None:
            raise StopAsyncIteration from None
        return last
