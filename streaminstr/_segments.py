"""Segments: a long stream gets a new span at regular intervals (`segment_interval`).

When a segment is due, the background thread replaces the function that runs the stream's steps with
a `Switch`. The next step calls it. So the thread that has the turn starts the new segment, between
two steps and in the stream's own Context, and other steps pay nothing. A stream that is not stepped
is not cut into segments.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, fields
from functools import partial
from math import inf
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names
from streaminstr._calls.guard import guarded
from streaminstr._core.ends import Ends
from streaminstr._core.scopes import close_scopes, take_fields
from streaminstr._handle import bottleneck
from streaminstr.log.origin import rebind
from streaminstr.types import NotNow, Outcome, StreamReport, SupportsSegments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from threading import Lock
    from weakref import ref

    from streaminstr._core.life import Life
    from streaminstr._handle import Handle
    from streaminstr.types import Attribute, StreamScope

AGAIN = 1.0
"""How often to look at a stream whose next segment is due, in seconds."""
TRIES = 100
"""How many boundaries in a row to try, where the body holds a span. Then once more at each look."""
_FAILED: Any = object()
_NOT_NOW: Any = object()
_NOTHING_YET = StreamReport(outcome=Outcome.COMPLETED)
_COUNTED = ("chunks", "bytes", "producer_time", "consumer_time", "events", "pings", "upstream_time")
"""Fields that only grow. Of a segment they are what was added in it."""
_ONCE = ("time_to_first_chunk", "request_time_to_first_chunk", "time_to_first_event")
"""Fields that belong to one segment, and to the whole stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport(StreamReport):
    """The numbers of one segment that is not the last."""

    def as_attributes(self) -> dict[str, Attribute]:
        """The same without an outcome, and without whose turn it is: that is of this moment."""
        attributes = StreamReport.as_attributes(self)
        attributes.pop(names.STALLED, None)
        return attributes


def begin(interval: float, life: Life) -> None:
    """Have a stream that has just begun cut into segments, where a scope of it can be.

    What is pushed has no steps between which it could be cut.
    """
    progress = life.handle.progress
    if progress is None or not isinstance(life.held(), Ends):
        return
    parts = [
        Part(scope)
        for scope in life.scopes
        if guarded(isinstance, scope, SupportsSegments, default=False)
    ]
    if parts:
        progress.segments = Segments(interval, parts, progress.lock)


class Part:
    """One scope that can be cut, and what was counted when it was cut last."""

    __slots__ = ("before", "gap", "number", "scope", "since")

    def __init__(self, scope: StreamScope) -> None:
        self.scope = scope
        self.next(0, _NOTHING_YET)

    def cut(self, so_far: StreamReport, gap: float, handle: Handle) -> Any:
        """End the scope's span and start the next one; returns the fields of log lines."""
        return guarded(_Segment(self.scope), self.own(so_far, gap, handle), default=_FAILED)

    def next(self, number: int, so_far: StreamReport) -> None:
        """Count anew: the scope has been cut."""
        self.number, self.before, self.since = number, so_far, clock()
        self.gap = 0.0

    def own(self, so_far: StreamReport, gap: float, handle: Handle) -> SegmentReport:
        """The numbers of the segment that ends now, whose longest gap is known."""
        before = self.before
        own = {one.name: getattr(so_far, one.name) for one in fields(so_far)}
        own |= {name: _less(own[name], getattr(before, name)) for name in _COUNTED}
        own |= {name: None for name in _ONCE if getattr(before, name) is not None}
        sums = {
            name: _less(so_far.attributes[name], before.attributes.get(name))
            for name in handle.sums
            if name in so_far.attributes
        }
        producer, progress = own["producer_time"], handle.progress
        lag = None if progress is None else progress.lag
        return SegmentReport(
            **{
                **own,
                "attributes": {**so_far.attributes, **sums},
                "rates": {name: sums[name] / (producer or inf) for name in so_far.rates},
                "marks": {
                    name: at for name, at in so_far.marks.items() if name not in before.marks
                },
                "bottleneck": bottleneck(
                    producer, own["consumer_time"], own["upstream_time"] or 0.0
                ),
                "longest_gap": max(gap, self.gap),
                "loop_lag": None if lag is None else lag.beat.largest(self.since),
                "gaps": (),
                "segment": self.number,
            }
        )


class Segments:
    """Which segment a stream is in, and when the next one is due."""

    __slots__ = ("_interval", "_is_asked", "_lock", "_longest", "_number", "_parts", "_since")

    def __init__(self, interval: float, parts: list[Part], lock: Lock) -> None:
        self._interval, self._parts, self._lock = interval, parts, lock
        self._since = clock()
        self._is_asked = False
        self._number = 0
        self._longest = 0.0
        """The longest gap before this segment."""

    def look(self, life: Life) -> float:
        """Ask for the next segment, if it is time; returns when to look again.

        Called by the background thread, and once as the stream begins.
        """
        due, now = self._since + self._interval, clock()
        if now < due:
            return due
        self.ask(life)
        return now + min(self._interval, AGAIN)

    def ask(self, life: Life) -> None:
        """Have the next step begin with a new segment."""
        if not self._is_asked:
            self._is_asked = True
            life.run_by(Switch(life, self.switch, TRIES))

    def complete(self, facts: dict[str, Any]) -> None:
        """Add to the fields of a report of the whole stream what the segment does not know."""
        facts["longest_gap"] = max(facts["longest_gap"], self._longest)
        if self._number:
            facts["segment"] = self._number

    def end(self) -> None:
        """Let go of the scopes: the stream has ended."""
        self._parts = []

    def switch(self, life: Life, tries: int) -> None:
        """Begin the next segment, in the stream's Context, between two of its steps."""
        with _out_of_reach(life, self._lock) as is_open:
            if is_open and not self._cut(life) and tries > 1:
                life.run_by(Switch(life, self.switch, tries - 1))
                return
        self._is_asked = False

    def _cut(self, life: Life) -> bool:
        """Cut the scopes that can be; returns whether all are done with."""
        handle: Any = life.handle
        before, gaps = copy_context(), _gaps_of(life)
        so_far, gap = life.report(life.held()), gaps.longest
        given = [(part, part.cut(so_far, gap, handle)) for part in self._parts]
        new: dict[str, Attribute] = {}
        is_cut = False
        for part, its in given:
            if its is _FAILED or its is _NOT_NOW:
                part.gap = max(part.gap, gap)
            else:
                is_cut = True
                part.next(self._number + 1, so_far)
                take_fields(part.scope, "segment", its, new)
        if is_cut:
            self._number += 1
            self._longest, gaps.longest = max(self._longest, gap), 0.0
            guarded(rebind, handle, new, before, default=None)
        is_done = _NOT_NOW not in (its for _, its in given)
        if is_done:
            self._since = clock()
        return is_done


def _gaps_of(life: Life) -> Any:
    """What knows the longest gap: the counter of an event stream, else the stream."""
    handle: Any = life.handle
    return handle.counter if hasattr(handle.counter, "longest") else life.held()


class Switch:
    """Runs one step of a stream in the place of `Life.run`, after beginning the next segment.

    A stream that ends first is not cut. It knows the stream weakly, as its `Life` does.
    """

    __slots__ = ("_is_used", "_run", "_stream", "_switch", "_tries")

    def __init__(self, life: Life, switch: Callable[[Life, int], None], tries: int) -> None:
        self._stream: ref[Any] | None = life.stream
        self._run = life.run
        self._switch, self._tries = switch, tries
        self._is_used = False

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        # An async step is run by it from its begin to its end, and one that waited for the turn may
        # come to it late.
        if not self._is_used:
            self._is_used = True
            self._begin_segment()
        return self._run(function, *arguments)

    def _begin_segment(self) -> None:
        stream: Any = self._stream and self._stream()
        if stream is not None:
            life = stream._life  # noqa: SLF001 - a stream has one, of whatever kind it is
            life.run_by(self._run)
            if life.closing is None and life.is_open:
                life.enter(partial(guarded, self._switch, life, self._tries, default=None))


class _Segment:
    """The method `segment` of a scope, for the guard."""

    __name__ = "segment"

    def __init__(self, scope: Any) -> None:
        self.__self__ = scope

    def __call__(self, report: StreamReport) -> Mapping[str, Attribute]:
        try:
            return self.__self__.segment(report)  # type: ignore[no-any-return] # of any backend
        except NotNow:
            return _NOT_NOW  # type: ignore[no-any-return] # Any


@contextmanager
def _out_of_reach(life: Life, lock: Lock) -> Iterator[bool]:
    """Hide the scopes from progress, and from an end that does not wait for the turn.

    Yields whether the stream is open. If the stream is ended meanwhile, the end finds no scopes,
    and they are closed here. The scopes are taken and put back by statements without calls: a
    signal handler runs after a call, and may end the stream or raise.
    """
    scopes, aside = life.scopes, []
    try:
        with lock:  # one who shows them has done so
            aside = scopes[:]
            del scopes[:]
        yield life.is_open
    finally:
        if aside:
            scopes[:] = aside
        if not life.is_open:
            final, context = life.final(life.held(), GeneratorExit()), life.copy()
            with lock:  # unless the end has come to them just now
                context.run(close_scopes, scopes, final)


def _less(now: Any, before: Any) -> Any:
    return None if now is None else now - (before or 0)
