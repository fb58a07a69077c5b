"""The life of one stream's scopes: opened, started, closed exactly once.

A stream is open while its weak reference is in `_open`. The thread that deletes it from there
closes the scopes: that one atomic step decides between two threads.
"""

from __future__ import annotations

import operator
import os
from collections import Counter
from collections.abc import Callable
from contextvars import Context, copy_context
from time import perf_counter as clock
from typing import Any
from weakref import ref

from streaminstr._calls.guard import guarded
from streaminstr._core.config import Config
from streaminstr._core.handle import StreamHandle, current
from streaminstr._core.meter import Meter
from streaminstr._core.outcome import Ending
from streaminstr._core.report import Closing, Reporting, Request, make_report
from streaminstr._core.scopes import close_scopes, open_scopes, start_scopes
from streaminstr.types import CancelledBy, Outcome, StreamReport, StreamScope


class Life(Reporting):
    """The scopes of one stream, one from each backend, and the Context that they live in.

    It holds its stream weakly, and the Context holds only the handle. So there is no reference
    cycle, and a stream that is dropped ends at once.
    """

    __slots__ = ("context", "enter", "outcome", "place", "run", "scopes", "started")

    def __init__(
        self,
        config: Config,
        handle: StreamHandle,
        *,
        exchange: Request | None = None,
        requested: float | None = None,
        created: float | None = None,
        context: Context | None = None,
        isolated: bool = True,
    ) -> None:
        self.config, self.handle, self.exchange = config, handle, exchange
        self.requested = requested if exchange is None else exchange.started
        self.closing = self.stream = None
        self.maker = current.get()
        self.context = copy_context() if context is None else context
        run = config.runner(self.context)
        self.place = config.place(self.context, run)
        self.enter: Callable[..., Any] = run if self.place is None else self.place
        """Runs a function of at most one argument in the stream's Context."""
        self.run: Callable[..., Any] = self.enter if isolated else operator.call
        """Runs what touches the body: in the stream's Context, or in the caller's."""
        handle.created = clock() if created is None else created
        self.started = False
        self.outcome: Outcome | None = None
        self.scopes: list[StreamScope] = self.context.run(open_scopes, config.backends, handle.info)

    def belongs_to(self, stream: ref[Any]) -> None:
        """Set the stream that this life belongs to. Called once, by the stream."""
        self.stream = stream

    def request_began(self, at: float | None) -> None:
        """Record when the request began, by `clock`, if that is not known yet."""
        self.requested = self.requested or at

    @property
    def is_open(self) -> bool:
        """Whether the scopes are started and not closed yet."""
        # `started` first: a dead weak reference that was never a key has no hash to look up.
        return self.started and self.stream in _open

    def begin(self) -> None:
        """Start the scopes. Called by the first step, inside the Context."""
        if self.started:  # after an interrupted first step, nothing is started twice
            return
        self.started = True
        opened, self.scopes = self.scopes, []
        _open[self.stream] = None
        fields = start_scopes(opened, self.scopes)
        if self.scopes:  # an end that came meanwhile has closed only the scopes started by then
            _open[self.stream] = None
        guarded(self.config.bind, self.handle, fields, default=None)
        # Set last: `bind` keeps a copy of the Context. A copy with the handle would be a cycle.
        current.set(self.handle)
        if self.config.announce is not None:
            guarded(self.config.announce, self.handle, default=None)
        if self.config.look_after is not None:
            guarded(self.config.look_after, self, default=None)

    def run_by(self, run: Callable[..., Any]) -> None:
        """Replace `self.run` from the next step on. Can be called from any thread."""
        self.run = run

    def copy(self) -> Context:
        """A copy of the Context, for use by the calling thread."""
        if self.place is None:
            return self.context.copy()
        return self.place.copy(self.context)  # type: ignore[no-any-return] # `_asgiref.Place`

    def copy_for_task(self) -> Context:
        """A copy of the Context, for a new task of the loop that steps the stream."""
        if self.place is None:
            return self.context.copy()
        return self.place.copy_for_task(self.context)  # type: ignore[no-any-return]

    def ask_to_close(
        self,
        cancelled_by: CancelledBy | None = None,
        reason: str | None = None,
        ending: Ending = Ending.CLOSED,
    ) -> None:
        """Record why the stream is about to be ended from outside. The first cause is kept."""
        if self.closing is None:
            if reason:
                self.handle.facts = {**self.handle.facts, "close_reason": reason}
            self.closing = Closing(ending, cancelled_by, [])
            if self.is_open:
                self.handle.cut_by = (cancelled_by,)

    def end(self, meter: Meter, error: BaseException | None = None) -> None:
        """Close the scopes that were started, exactly once.

        The report comes first: if it is interrupted, the stream stays open for a later end.
        """
        if not self.is_open:
            return
        final = self.final(meter, error)
        try:
            del _open[self.stream]
        except KeyError:  # another thread has ended it just now
            return
        try:
            self.outcome = final.outcome
            self.handle.ended(final)
            if final.outcome is not Outcome.COMPLETED and self.handle.cut_by is None:
                self.handle.cut_by = (final.cancelled_by,)
            self._close(final)
        except BaseException:
            if self.scopes and self.held() is not None:
                _open[self.stream] = None
            raise

    def report(self, meter: Meter) -> StreamReport:
        """The numbers so far. The outcome has no meaning yet."""
        turn = None if not self.is_open else "producer" if meter.in_step else "consumer"
        facts = {"outcome": Outcome.CANCELLED, "stalled": turn}  # no error, whatever the options
        return make_report(meter, self.handle, self.requested, facts)

    def _close(self, final: StreamReport) -> None:
        # A copy: if a step ends the stream, the Context itself is already entered.
        context = self.copy()
        context.run(current.set, self.handle)  # `begin` may have been interrupted before that
        if self.handle.progress is None:
            context.run(close_scopes, self.scopes, final)
        else:
            with self.handle.progress.lock:
                context.run(close_scopes, self.scopes, final)


_open: dict[ref[Any] | None, None] = {}
"""Streams that have started and not ended, held weakly. No interrupt can follow a `del`."""

never_stepped: Counter[str] = Counter()
"""Number of streams that were dropped without a step, by name. Nothing else is recorded."""


def open_lives() -> tuple[Life, ...]:
    """The lives of all open streams that have not been dropped."""
    # `list` copies atomically. `tuple` may run the garbage collector meanwhile, which ends streams.
    streams = (stream() for stream in list(_open) if stream is not None)
    return tuple(stream._life for stream in streams if stream is not None)  # noqa: SLF001


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    # The parent process closes the streams that were open at the fork.
    os.register_at_fork(after_in_child=_open.clear)
