"""The drain: what a process does between the request to stop and its exit.

The SIGTERM handler only records the time. A waiting thread does the rest: it notifies the bodies,
waits for them, makes streams that are still open end in their own thread or task, and flushes. The
thread is started early, because starting one in a signal handler is not safe.
"""

from __future__ import annotations

import os
import signal
import time
from contextvars import Context
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING

from streaminstr import _stopping
from streaminstr._calls import loop
from streaminstr._calls.guard import guarded, logger
from streaminstr._core.life import open_lives

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr._core.life import Life

    Flush = Callable[[float], object]

_LOOK_FOR_IT = 0.1
"""How often the thread looks whether a drain has begun, in seconds."""
_LOOK_AGAIN = 0.02
"""How often it looks at the streams that are still open, in seconds."""
_TO_END = 1.0
"""How long streams have to end once they are asked to, in seconds."""
_TO_FLUSH = 0.5
REASON = "DRAIN"
"""`streaminstr.close_reason` of what a drain ends, beside `MAX_AGE` and `MAX_STALL`."""
STILL_ACCEPTS = 2.0
"""How long a server may go on accepting once it has to stop, in seconds: uvicorn looks ten times a
second whether it has to, and gunicorn's workers once a second, on a busy machine later."""


class Drain:
    """The drain of this process: not prepared, waited for, under way, over."""

    def __init__(self) -> None:
        self.grace: float | None = None
        self.deadline: float | None = None
        """When what is still open is ended, by `monotonic`; None: no drain has begun."""
        self.is_over = False
        self.then: Callable[[], object] | None = None
        """What comes after it: the signal's default, which ends the process."""
        self._flush: Flush = _nothing
        self._starting = Lock()
        self._thread: Thread | None = None

    def prepare(self, grace: float, flush: Flush) -> None:
        """Have a thread wait for a drain of `grace` seconds; `flush` comes at its end."""
        self.grace, self._flush = grace, flush
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:  # pragma: no branch - another thread may have started it
                self._thread = Thread(target=self._run, name="streaminstr-drain", daemon=True)
                Context().run(self._thread.start)  # it outlives the request that starts it

    def begin(self, *, accepting: float = 0.0) -> bool:
        """Begin, where none has begun; safe in a handler of a signal.

        The server accepts requests for `accepting` seconds more. Event streams are served until
        then: an EventSource that gets a 503 does not reconnect.
        Returns whether it is under way: where no stream was ever open, no thread sees to them.
        """
        if self.grace is not None and self.deadline is None:
            now = monotonic()
            self.deadline = now + self.grace
            _stopping.refuses_from = now + accepting
            _stopping.draining = True
        return self._is_under_way()

    def wait(self, until: float) -> None:
        """Wait for the end of a drain that is under way; not in the thread of a loop."""
        while loop.running() is None and self._is_under_way() and monotonic() < until:
            time.sleep(_LOOK_AGAIN)

    def remaining(self) -> float:
        """Seconds until the drain is over, at most; 0 where there is none."""
        if self.deadline is None or not self._is_under_way():
            return 0.0
        return max(self.deadline - monotonic(), 0.0) + _TO_END + _TO_FLUSH

    def _is_under_way(self) -> bool:
        # Without a thread no stream was ever open: there is nothing to wait for.
        return None not in (self.deadline, self._thread) and not self.is_over

    def _run(self) -> None:
        while self.deadline is None:
            time.sleep(_LOOK_FOR_IT)
        _stopping.notify()
        guarded(_Streams(self.deadline).end, default=None)
        guarded(self._flush, _TO_FLUSH, default=None)
        self.is_over = True
        while self.then is None:  # the server may still accept: a drain can begin before SIGTERM
            for life in open_lives():
                guarded(_end_soon, life, default=None)
            time.sleep(_LOOK_FOR_IT)
        self.then()


class _Streams:
    """The streams that are open during a drain, by their ids."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._seen: set[str] = set()
        self._asked: set[str] = set()

    def end(self) -> None:
        """See all of them to their end; says in one log line how they ended."""
        while self._look() and monotonic() < self._deadline:
            time.sleep(_LOOK_AGAIN)
        while (left := self._look()) and monotonic() < self._deadline + _TO_END:
            for life in left:
                self._asked.add(life.handle.info.stream_id)
                guarded(_end_soon, life, default=None)
            time.sleep(_LOOK_AGAIN)
        for life in left:
            guarded(_give_up, life, default=None)
        logger.info(
            "Drained. Streams that ended by themselves: %d, closed: %d, lost: %d.",
            len(self._seen - self._asked),
            len(self._asked) - len(left),
            len(left),
        )

    def _look(self) -> tuple[Life, ...]:
        lives = open_lives()
        self._seen.update(life.handle.info.stream_id for life in lives)
        return lives


def _end_soon(life: Life) -> None:
    stream = life.held()
    if stream is not None:  # pragma: no branch - dropped just now
        stream.end_soon("server", REASON)


def _give_up(life: Life) -> None:
    """Close the scope alone: a step or a clean-up goes on, or the stream is not stepped again."""
    stream = life.held()
    if stream is not None:  # pragma: no branch - dropped just now
        stream.give_up()


def end_the_process() -> None:  # pragma: no cover - its coverage ends with it
    """Have SIGTERM do what it does without us."""
    os.kill(os.getpid(), signal.SIGTERM)


def _nothing(_: float) -> None:
    """Flush nothing."""


drain = Drain()


def _forget() -> None:  # pragma: no cover - runs in a forked child
    """A forked child has no such thread, and does not stop with its parent."""
    drain.__init__()  # type: ignore[misc] # the same object: others hold it


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
