"""Limits the number of open streams, in a process and in a view, and counts refusals.

A slot is never lost: it is released when its stream ends or is closed, or when the last object that
holds it is freed. The set stores only the token of a slot, and does not keep the slot alive.
"""

from __future__ import annotations

import os
from collections import Counter
from contextvars import ContextVar
from math import inf
from threading import RLock
from time import monotonic
from weakref import WeakSet

from streaminstr._calls.guard import guarded, logger

_SAY_AGAIN = 1.0
"""Seconds between two log records about the streams of one route."""

let_in: ContextVar[bool] = ContextVar("streaminstr.let_in", default=False)
"""Whether the request that is served here began the drain itself: it is still served."""


class Slot:
    """The place of one stream, in its view and in the process."""

    _places: tuple[set[object], ...] = ()
    _token: object = None

    def __init__(self) -> None:
        self._token = object()

    @property
    def is_counted(self) -> bool:
        """Whether it is counted anywhere."""
        return bool(self._places)

    def enter(self, tokens: set[object]) -> None:
        """Be counted among `tokens`."""
        self._places += (tokens,)  # first: an interrupt after it loses nothing
        tokens.add(self._token)

    def release(self) -> None:
        """Be counted no longer. From any thread, also from the garbage collector."""
        for tokens in self._places:
            tokens.discard(self._token)

    def __del__(self) -> None:
        self.release()


class Slots:
    """The slots that are held: those of a process, or of one view."""

    def __init__(self) -> None:
        self._tokens: set[object] = set()
        # Reentrant: what the garbage collector runs here may switch greenlets.
        self._taking = RLock()
        _all.add(self)

    def __len__(self) -> int:
        return len(self._tokens)

    def take(self, slot: Slot, limit: int | None) -> bool:
        """Count `slot`, if fewer than `limit` are held; returns whether it is counted."""
        with self._taking:
            if limit is not None and len(self._tokens) >= limit:
                return False
            slot.enter(self._tokens)
        return True

    def forget(self) -> None:
        """Start with none, in a forked child: what is open is the parent's."""
        self.__init__()  # type: ignore[misc] # the same object: others hold it


_all: WeakSet[Slots] = WeakSet()
of_process = Slots()
refused: Counter[str] = Counter()
"""How many streams were refused, by route."""
_noting = RLock()
_noted: dict[str, float] = {}
"""When the last record about a route was written, by `monotonic`."""


def note_refusal(route: str, why: str) -> None:
    """Count a stream that was refused, and log it, for each route once a second at most."""
    with _noting:
        refused[route] += 1
        if monotonic() - _noted.get(route, -inf) < _SAY_AGAIN:
            return
        _noted[route] = monotonic()
        so_far = refused[route]
    guarded(_log, route, why, so_far, default=None)


def _log(route: str, why: str, so_far: int) -> None:
    logger.warning("Refused a stream of %s with 503: %s. Refused so far: %d.", route, why, so_far)


def _forget() -> None:
    """A forked child has refused none, and inherits locks that may have been held."""
    global _noting  # noqa: PLW0603 - one process has one
    _noting = RLock()
    refused.clear()
    _noted.clear()
    for slots in tuple(_all):
        slots.forget()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
