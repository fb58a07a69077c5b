"""Data that a process keeps for the roster: recently ended streams, and samples of open ones."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING

from streaminstr._process.rows import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streaminstr._process.rows import EndedStream
    from streaminstr.types import OpenStream

MOST_ENDED = 50
"""How many ended streams are remembered."""
MOST_SAMPLES = 32
"""How many samples of one stream are kept."""


class _Track:
    """The samples of one stream, evenly spread over its life."""

    __slots__ = ("_due", "_every", "samples")

    def __init__(self) -> None:
        self.samples: tuple[Sample, ...] = ()
        self._every, self._due = 1.0, 0.0

    def take(self, row: OpenStream) -> None:
        if row.age < self._due:
            return
        if len(self.samples) == MOST_SAMPLES:
            self.samples = self.samples[::2]
            self._every *= 2
        sample = Sample(age=row.age, chunks=row.chunks, bytes=row.bytes, idle=row.idle)
        self.samples = (*self.samples, sample)
        # Half a look early: the thread wakes a little late, and each sample would slip by one look.
        self._due = row.age + self._every - 0.5


class _Memory:
    """Written by scopes (`ended`) and by the background thread, read by any thread."""

    def __init__(self) -> None:
        self.since = time.time()
        """Unix time from which on this process is known."""
        self.ended: deque[EndedStream] = deque(maxlen=MOST_ENDED)
        self._tracks: dict[str, _Track] = {}

    def last_ended(self) -> tuple[EndedStream, ...]:
        """The streams that have ended last, the oldest first."""
        while True:
            try:
                return tuple(self.ended)
            except RuntimeError:  # one has ended meanwhile
                continue

    def sample(self, rows: Sequence[OpenStream]) -> None:
        """Take a sample of each open stream that is due; forget those of the others."""
        tracks = {row.id: self._tracks.get(row.id) or _Track() for row in rows}
        for row in rows:
            tracks[row.id].take(row)
        self._tracks = tracks

    def timelines(self) -> dict[str, tuple[Sample, ...]]:
        """The samples of each open stream, the oldest first, by its id."""
        return {id_: track.samples for id_, track in self._tracks.items()}


memory = _Memory()


def _forget() -> None:  # pragma: no cover - runs in a forked child
    """In a forked child all of that is the parent's."""
    memory.__init__()  # type: ignore[misc] # the same object: others hold it


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
