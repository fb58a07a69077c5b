"""Measures how late an event loop runs its callbacks, from the background thread.

A blocked loop cannot measure itself. So the thread schedules a stamp on each loop that has open
streams, one at a time, and checks when it ran. A stamp that has not run yet counts with its age.
"""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from streaminstr._calls import loop as loops

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

EVERY = 1.0
"""How often a loop is measured, in seconds. A shorter lag may be missed."""


class _Stamp(NamedTuple):
    moment: float
    lag: float


class Beat:
    """The lags of one loop, for all of its streams."""

    __slots__ = ("__weakref__", "_loop", "_seen", "_sent", "due")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self.due = 0.0
        self._sent: float | None = None
        self._seen: list[_Stamp] = []
        """Oldest first, without those that a later and larger one has outdone: a handful."""

    def ask(self) -> float:
        """Hand the loop a stamp, if it is time and it has none; returns when to ask again."""
        now = clock()
        if self.due <= now:
            self.due = now + EVERY
            if self._sent is None and loops.is_alive(self._loop):
                self._sent = now
                try:
                    self._loop.call_soon_threadsafe(self._answer, now)
                except RuntimeError:  # closed meanwhile
                    self._sent = None
        return self.due

    def largest(self, since: float) -> float | None:
        """The largest lag since a moment, the part of it that lies after that; None: not asked."""
        sent = self._sent
        lags = [min(lag, moment - since) for moment, lag in tuple(self._seen) if moment >= since]
        if sent is not None and loops.is_alive(self._loop):
            lags.append(clock() - max(sent, since))
        return max(lags, default=None)

    def _answer(self, sent: float) -> None:
        now, seen = clock(), self._seen
        while seen and seen[-1].lag <= now - sent:
            seen.pop()
        seen.append(_Stamp(now, now - sent))
        self._sent = None


class Lag(NamedTuple):
    """What one stream knows of its loop."""

    beat: Beat
    since: float

    def largest(self) -> float | None:
        """The largest lag that was seen while the stream was open, in seconds."""
        return self.beat.largest(self.since)


_beats: WeakValueDictionary[int, Beat] = WeakValueDictionary()
"""By the id of the loop, which a beat keeps alive; a beat is kept by its streams."""


def here() -> Lag | None:
    """The lag of the loop that runs in this thread, from now on; None where none does."""
    loop = loops.running()
    if loop is None:
        return None
    beat = _beats.get(id(loop))
    if beat is None:
        beat = _beats[id(loop)] = Beat(loop)
    return Lag(beat, clock())
