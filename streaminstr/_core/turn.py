"""The turn to step or end a stream, and requests to end it. `step.py` explains the turn."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from streaminstr._calls.guard import guarded
from streaminstr._core.life import Life
from streaminstr._core.meter import Meter
from streaminstr.types import CancelledBy


class Turn(Meter):
    """Takes the turn of a stream, or keeps it for the next step, which then ends the stream."""

    __slots__ = ()
    _exhausted: ClassVar[type[Exception]] = StopIteration
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
        """Whether the first chunk can be taken now. Takes the turn if so.

        The caller returns it in a `finally` of its own: a context manager can be interrupted while
        it is entered or left, and one that is a generator then runs no `finally`.
        """
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
