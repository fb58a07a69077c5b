"""A body that is pushed and not pulled: an ASGI application sends its chunks by itself."""

from __future__ import annotations

from contextvars import copy_context
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any
from weakref import ref

from streaminstr._exchange import current_exchange
from streaminstr._life import Life, Meters
from streaminstr._scope import Outcome
from streaminstr._shutdown import shut_down_at_exit
from streaminstr._wrap import size_of

if TYPE_CHECKING:
    from streaminstr._config import Config
    from streaminstr._life import StreamHandle
    from streaminstr._scope import CancelledBy, StreamReport


class PushedStream:
    """A stream whose steps lie between two sends. Its scope is open and current from the start.

    There is nothing to wrap here: what makes the chunks runs on in the Context in which this is
    made, and that is where the scope is current.
    """

    __slots__ = (
        "__weakref__",
        "_begun",
        "_chunks",
        "_entered",
        "_first",
        "_left",
        "_life",
        "_longest",
        "_producer",
        "_size",
    )

    def __init__(self, handle: StreamHandle, config: Config, begun: float) -> None:
        shut_down_at_exit()
        self._life = life = Life(config, handle, measure=size_of, exchange=current_exchange.get())
        life.created = self._begun = self._entered = begun
        self._chunks = self._size = 0
        self._first = self._left = self._longest = self._producer = 0.0
        life.stream = ref(self)
        life.begin()
        life.context = copy_context()  # as it is now: with the scope current in it

    def push(self, chunk: Any, now: float) -> None:
        """Count a chunk that is about to be sent, and was ready `now`."""
        self._producer += now - self._entered
        if self._chunks:
            self._longest = max(self._longest, now - self._left)
        else:
            self._first = now
        self._left = now
        self._chunks += 1
        self._size += size_of(chunk)

    def resume(self) -> None:
        """Say that a chunk has been sent, so that the body is at work on the next one."""
        self._entered = clock()

    def finish(self) -> None:
        """End as completed: the last chunk has been made."""
        self._life.end(None, self._meters())

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the scope, from any thread. The body is not ours to stop."""
        self._life.ask_to_close(Outcome.CANCELLED, cancelled_by)
        self._life.end(GeneratorExit(), self._meters())

    give_up = close

    def end(self, error: BaseException | None) -> None:
        """End as the application's call has ended, where `finish` has not come."""
        self._life.end(error or GeneratorExit(), self._meters())

    def report(self) -> StreamReport:
        """The numbers so far."""
        return self._life.report(None, self._meters())

    def _meters(self) -> Meters:
        return Meters(
            self._chunks,
            self._size,
            self._longest,
            self._producer,
            self._begun,
            self._first,
            self._entered,
            self._left,
        )
