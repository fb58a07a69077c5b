"""The background thread: it looks at open streams when they are due, and starts with the first.

A stream under a config with a `progress_interval` has a `Progress` when it starts: it is shown, and
its loop is asked how late it is. One with a limit is ended when that is over. The streams
themselves do nothing for it on their way.
"""

from __future__ import annotations

import os
from contextvars import Context
from math import inf
from threading import TIMEOUT_MAX, Event, Lock, Thread
from time import perf_counter as clock
from typing import TYPE_CHECKING

from streaminstr._core.guard import guarded
from streaminstr._core.life import open_lives
from streaminstr._fields import fields_of
from streaminstr._process import lag
from streaminstr._process.expiry import end_if_over

if TYPE_CHECKING:
    from streaminstr._core.handle import StreamHandle
    from streaminstr._core.life import Life
    from streaminstr.types import StreamReport

EVENT = "stream_progress"


class _Clockwork:
    """The thread of this process, and until when it sleeps."""

    def __init__(self) -> None:
        self.thread: Thread | None = None
        self.starting = Lock()
        self.wake = Event()
        self.planned = inf

    def ensure(self) -> None:
        """Start the thread, where there is none yet."""
        with self.starting:
            if self.thread is None:
                self.thread = Thread(target=self.run, name="streaminstr-progress", daemon=True)
                Context().run(self.thread.start)  # it outlives the request that starts it

    def run(self) -> None:
        while True:
            # Before looking: a stream that begins meanwhile sets `wake`, and is looked at next.
            self.planned = inf
            pause = show_due()
            self.planned = clock() + pause
            self.wake.wait(None if pause == inf else min(pause, TIMEOUT_MAX))
            self.wake.clear()


_clockwork = _Clockwork()


def look_after(life: Life) -> None:
    """Look at a stream that has just begun when it is due."""
    progress, soonest = life.progress, end_if_over(life)
    if progress is not None:
        life.handle.lag = lag.here()
        asked = inf if life.handle.lag is None else life.handle.lag.beat.due
        soonest = min(soonest, progress.due, asked)
    _clockwork.ensure()
    if soonest < _clockwork.planned:
        _clockwork.wake.set()


def show_due() -> float:
    """Look at each open stream that is due; returns the seconds to the next."""
    soonest = inf
    for life in open_lives():
        progress = life.progress
        if progress is not None:
            asked = _ask_loop_of(life.handle)  # first, so that what is shown has an answer in it
            if progress.due <= clock():
                guarded(_show, life, default=None)
                progress.due = clock() + progress.interval
            soonest = min(soonest, progress.due, asked)
        soonest = min(soonest, guarded(end_if_over, life, default=inf))
    return max(soonest - clock(), 0.0)


def _ask_loop_of(handle: StreamHandle) -> float:
    """Ask the loop of a stream how late it is, if it is time; returns when it is next."""
    of_stream: lag.Lag | None = handle.lag
    return inf if of_stream is None else guarded(of_stream.beat.ask, default=inf)


def _show(life: Life) -> None:
    # Hold a strong reference while holding the lock. Otherwise the garbage collector could
    # finalize the stream on this thread and deadlock on the same lock.
    stream = life.held()
    if stream is None:
        return
    so_far = stream.report()
    if life.is_open:
        # Not under the lock: log handlers have locks of their own.
        life.copy().run(guarded, _log, life.handle, so_far, default=None)
    life.show(so_far)


def _log(handle: StreamHandle, report: StreamReport) -> None:
    handle.logger.bind(**fields_of(handle.info, report)).info(EVENT)


def _forget() -> None:
    """A forked child has no such thread, and inherits locks that may have been held."""
    global _clockwork  # noqa: PLW0603 - one process has one thread
    _clockwork = _Clockwork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
