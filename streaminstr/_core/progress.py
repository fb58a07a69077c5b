"""When a stream is next shown while it is open."""

from __future__ import annotations

from threading import Lock
from time import perf_counter as clock


class Progress:
    """When a stream is next shown, and the lock that keeps its progress and its close apart."""

    __slots__ = ("due", "interval", "lock")

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.due = clock() + interval
        self.lock = Lock()
