"""Progress of long streams: one thread for the process, and none unless somebody asks for it.

A stream under a config with a `progress_interval` takes a `Turn` when it starts. The thread looks
at the open streams whose turns are due; the streams themselves do nothing for it on their way.
"""

from __future__ import annotations

import os
from contextvars import Context
from math import inf
from threading import TIMEOUT_MAX, Event, Lock, Thread
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr._guard import guarded
from streaminstr._life import open_lives
from streaminstr._scope import SupportsProgress

if TYPE_CHECKING:
    from streaminstr._life import Life, StreamHandle
    from streaminstr._scope import StreamReport

EVENT = "stream_progress"


class Turn:
    """When a stream is next shown, and the lock that keeps its progress and its close apart."""

    __slots__ = ("due", "interval", "lock")

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.due = clock() + interval
        self.lock = Lock()


class _Watch:
    """The thread of this process, and until when it means to sleep."""

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


_watch = _Watch()


def watch(interval: float) -> Turn:
    """The turn of a stream that has just begun."""
    turn = Turn(interval)
    _watch.ensure()
    if turn.due < _watch.planned:
        _watch.wake.set()
    return turn


def show_due() -> float:
    """Show each open stream whose turn it is; gives the seconds until the next turn."""
    soonest = inf
    for life in open_lives():
        if life.turn is not None:
            if life.turn.due <= clock():
                _show(life, life.turn)
                life.turn.due = clock() + life.turn.interval
            soonest = min(soonest, life.turn.due)
    return max(soonest - clock(), 0.0)


def _show(life: Life, turn: Turn) -> None:
    # It is held here for as long as the lock is: the collector could otherwise end the stream in
    # this very thread, which would then wait for itself.
    stream: Any = life.stream and life.stream()
    if stream is None:
        return
    report = stream.report()
    if life.is_open:
        # Not under the lock: a handler of logs has locks of its own.
        life.context.copy().run(guarded, _log, life.handle, report, default=None)
    with turn.lock:
        if life.is_open:
            for scope in life.scopes:
                if isinstance(scope, SupportsProgress):
                    life.context.copy().run(guarded, scope.progress, report, default=None)


def _log(handle: StreamHandle, report: StreamReport) -> None:
    fields = {**handle.info.attributes, **report.as_attributes()}
    handle.logger.bind(**fields).info(EVENT)


def _forget() -> None:
    """In a forked child there is no such thread, and its locks may have been held."""
    global _watch  # noqa: PLW0603 - one process has one thread
    _watch = _Watch()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
