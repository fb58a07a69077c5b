"""A body that is pushed and not pulled: an ASGI application sends its chunks itself."""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, Any
from weakref import ref

from streaminstr._core.outcome import Ending

if TYPE_CHECKING:
    from streaminstr._core.life import Life
    from streaminstr._core.step import Meter
    from streaminstr.types import CancelledBy, StreamReport


class PushedStream:
    """A stream whose steps lie between two sends. Its scope is open and current from the start.

    There is nothing to wrap here: what makes the chunks runs on in the Context in which this is
    made, and that is where the scope is current.
    """

    __slots__ = ("__weakref__", "_life", "_meter")

    def __init__(self, life: Life, meter: Meter) -> None:
        self._life, self._meter = life, meter
        meter.begin(life.created)
        life.belongs_to(ref(self))
        life.begin_here()

    def push(self, chunk: Any, now: float) -> None:
        """Count a chunk that is about to be sent, and was ready `now`."""
        self._meter.leave(chunk, now)

    def resume(self) -> None:
        """Note that a chunk has been sent, so that the body is at work on the next one."""
        self._meter.entered = clock()

    def finish(self) -> None:
        """End as completed: the last chunk has been made."""
        self._life.end(self._meter)

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the scope, from any thread. The body itself runs on."""
        self._life.ask_to_close(Ending.CLOSED, cancelled_by)
        self._life.end(self._meter, GeneratorExit())

    give_up = close

    def end(self, error: BaseException | None) -> None:
        """End as the application's call has ended, if `finish` was not called."""
        self._life.end(self._meter, error or GeneratorExit())

    def report(self) -> StreamReport:
        """The numbers so far."""
        return self._life.report(self._meter)
