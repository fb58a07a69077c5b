"""A snapshot of the open streams: the numbers of each stream, and where its body waits.

It is read from outside, in the calling thread. Streams do no extra work for it and keep running
meanwhile, so the parts of a row may be some microseconds apart.
"""

from __future__ import annotations

from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr import _stopping
from streaminstr import attributes as names
from streaminstr._calls.guard import guarded
from streaminstr._core.life import open_lives
from streaminstr._process.expiry import moments
from streaminstr._process.frames import UNSEEN, uncollected
from streaminstr._process.rows import name_here
from streaminstr._process.waits import Look
from streaminstr.types import OpenStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streaminstr._core.life import Life
    from streaminstr._core.meter import Meter
    from streaminstr.types import Attribute, Turn

_LIMITS = {"MAX_AGE", "MAX_STALL"}
_IDS = (("trace_id", "span_id"), ("dd.trace_id", "dd.span_id"))
"""Under which names the vendors put the ids of a span on log lines."""


def open_streams() -> list[OpenStream]:
    """Return a snapshot of the open streams of this process, the oldest first.

    Can be called from any thread, at any time. It takes about ten microseconds for each stream, and
    does not slow the streams down. A stream that ends meanwhile may be included or not.
    """
    return rows_of(open_lives())


def rows_of(lives: tuple[Life, ...]) -> list[OpenStream]:
    """The rows of these streams, the oldest first, without those that have ended meanwhile."""
    with uncollected():
        snapshot = _Snapshot(lives)
        rows = [guarded(snapshot.row, life, default=None) for life in snapshot.lives]
        del snapshot
    return sorted((row for row in rows if row is not None), key=lambda row: -row.age)


class _Snapshot:
    """What is the same for all rows."""

    def __init__(self, lives: tuple[Life, ...]) -> None:
        self.lives, self._now = lives, clock()
        self._look = Look()
        self._worker = name_here()
        self._readers = set(_readers(lives))

    def row(self, life: Life) -> OpenStream | None:
        """What is known of one stream; None if it has ended meanwhile."""
        stream = life.held()
        if stream is None or not life.is_open:
            return None
        waits, waits_at = guarded(self._look.waits_of, stream, default=((UNSEEN,), ""))
        return OpenStream(
            **_description(life.handle),
            **self._numbers(stream, life.handle),
            worker=self._worker,
            limited=_is_limited(life),
            draining=_stopping.draining,
            waits=waits,
            waits_at=waits_at,
        )

    def _numbers(self, meter: Meter, handle: Any) -> dict[str, Any]:
        begun, last = moments(meter, handle)
        now, in_step = self._now, meter.in_step
        busy = meter.producer + (max(now - meter.entered, 0.0) if in_step else 0.0)
        return {
            "age": max(now - begun, 0.0),
            "chunks": meter.chunks,
            "events": handle.events,
            "bytes": meter.size,
            "rates": handle.rates(busy),
            "idle": max(now - max(last, begun), 0.0),
            "turn": self._turn(handle, in_step=in_step),
        }

    def _turn(self, handle: Any, *, in_step: bool) -> Turn:
        if not in_step:
            return "consumer"
        return "upstream" if id(handle) in self._readers else "producer"


def _readers(lives: tuple[Life, ...]) -> Iterator[int]:
    """The ids of the handles of those that wait for a step of a stream that they read."""
    for life in lives:
        stream = life.held()
        if stream is not None and stream.in_step:
            handle: Any = life.handle
            yield id(handle.reader)


def _description(handle: Any) -> dict[str, Any]:
    trace_id, span_id = _ids(handle.fields)
    return {
        "id": handle.id,
        "name": handle.info.name,
        "route": _text(handle, names.HTTP_ROUTE),
        "method": _text(handle, names.HTTP_METHOD),
        "trace_id": trace_id,
        "span_id": span_id,
    }


def _text(handle: Any, name: str) -> str | None:
    """An attribute; an adapter adds those of a stream that was open already to the handle."""
    value = handle.info.attributes.get(name, handle.attributes.get(name))
    return value if isinstance(value, str) else None


def _ids(fields: Mapping[str, Attribute]) -> tuple[str | None, str | None]:
    """The ids of the trace and span, of the first vendor that has put them on log lines."""
    for trace, span in _IDS:
        if trace in fields:
            return str(fields[trace]), str(fields[span]) if span in fields else None
    return None, None


def _is_limited(life: Life) -> bool:
    """Whether a limit has asked the stream to end."""
    return life.closing is not None and life.handle.facts.get("close_reason") in _LIMITS
