"""The background thread, which looks at open streams when they are due. The first one starts it.

With `progress_interval`, it shows the progress of a stream and measures the lag of its event loop.
It ends a stream that is over a limit, and requests the next segment of a segmented stream. Streams
do no extra work for it in their steps.
"""

from __future__ import annotations

import os
from contextvars import Context
from dataclasses import replace
from math import inf
from threading import TIMEOUT_MAX, Event, Lock, Thread
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import guarded
from streaminstr._core.life import open_lives
from streaminstr._core.scopes import show_progress
from streaminstr._fields import fields_of
from streaminstr._process import lag
from streaminstr._process.expiry import end_if_over
from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr._core.life import Life
    from streaminstr.types import StreamReport

    _Look = Callable[[tuple[Life, ...]], float]

EVENT = "stream_progress"
_AFTER_AN_ERROR = 1.0
"""Seconds until a look that raised is tried again."""


class Progress:
    """When a stream is next shown, and the lock that keeps its progress and its close apart."""

    __slots__ = ("due", "interval", "lag", "lock", "segments")

    def __init__(self, interval: float) -> None:
        self.interval, self.due, self.lock = interval, clock() + interval, Lock()
        self.lag: lag.Lag | None = None
        """What is known of the stream's event loop."""
        self.segments: Any = None
        """Which segment the stream is in (`_segments.Segments`); None where it is not segmented."""


class _Clockwork:
    """The thread of this process, and until when it sleeps."""

    def __init__(self) -> None:
        self.thread: Thread | None = None
        self.starting = Lock()
        self.wake = Event()
        self.planned = inf
        self.looks: dict[str, _Look] = {}

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


def begin(life: Life) -> None:
    """Have a stream that has just begun be shown, where that was asked for."""
    config: Any = life.config
    if config.progress_interval is not None:
        life.handle.progress = Progress(config.progress_interval)


def look_after(life: Life) -> None:
    """Look at a stream that has just begun when it is due."""
    progress, soonest = life.handle.progress, min(end_if_over(life), _look_at_segments(life))
    if progress is not None and progress.interval != inf:
        progress.lag = lag.here()
        asked = inf if progress.lag is None else progress.lag.beat.due
        soonest = min(soonest, progress.due, asked)
    _clockwork.ensure()
    if soonest < _clockwork.planned:
        _clockwork.wake.set()


def share(name: str, look: _Look) -> None:
    """Have the thread call `look`, too, with the lives of all open streams: one of each `name`.

    `look` returns when it is next, by `perf_counter`. It is called at once, and whenever the thread
    looks at the streams.
    """
    clockwork = _clockwork
    if clockwork.looks.get(name) != look:
        clockwork.looks = {**clockwork.looks, name: look}
        clockwork.ensure()
        clockwork.wake.set()


def show_due() -> float:
    """Look at each open stream that is due; returns the seconds to the next."""
    soonest, lives = inf, open_lives()
    for life in lives:
        progress = life.handle.progress
        if progress is not None:
            asked = _ask_loop_of(progress)  # first, so that what is shown has an answer in it
            if progress.due <= clock():
                guarded(_show, life, default=None)
                progress.due = clock() + progress.interval
            soonest = min(soonest, progress.due, asked)
        soonest = min(soonest, guarded(end_if_over, life, default=inf), _look_at_segments(life))
    for look in _clockwork.looks.values():  # last: they may wait for a cache
        soonest = min(soonest, guarded(look, lives, default=clock() + _AFTER_AN_ERROR))
    return max(soonest - clock(), 0.0)


def _ask_loop_of(progress: Progress) -> float:
    """Ask the loop of a stream how late it is, if it is time; returns when it is next."""
    of_stream: lag.Lag | None = progress.lag
    return inf if of_stream is None else guarded(of_stream.beat.ask, default=inf)


def _look_at_segments(life: Life) -> float:
    """Ask a stream for its next segment, if it is time; returns when to look again."""
    progress = life.handle.progress
    if progress is None or progress.segments is None:
        return inf
    return guarded(progress.segments.look, life, default=inf)


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
    with life.handle.progress.lock:
        if life.is_open:
            shown = _without_firsts(so_far) if so_far.segment else so_far
            life.copy().run(show_progress, life.scopes, shown)


def _without_firsts(report: StreamReport) -> StreamReport:
    """Leave out what belongs to an earlier segment: a span's attribute cannot be removed."""
    return replace(
        report,
        time_to_first_chunk=None,
        request_time_to_first_chunk=None,
        time_to_first_event=None,
        marks=NOTHING,
    )


def _log(handle: Any, report: StreamReport) -> None:
    handle.logger.bind(**fields_of(handle.info, report)).info(EVENT)


def _forget() -> None:
    """A forked child has no such thread, and inherits locks that may have been held."""
    global _clockwork  # noqa: PLW0603 - one process has one thread
    _clockwork = _Clockwork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
