"""Limits of a stream: the background thread ends one that is too old or silent for too long."""

from __future__ import annotations

from math import inf
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streaminstr._core.life import Life
    from streaminstr._core.meter import Meter


def end_if_over(life: Life) -> float:
    """End a stream that is over one of its limits. Returns when to look at it again."""
    stream = life.held()
    if stream is None or life.closing is not None:
        return inf
    config, now = life.config, clock()
    begun, last = moments(stream, life.handle)
    limits = (
        (config.max_age, begun, "MAX_AGE"),
        (config.max_stall, last, "MAX_STALL"),
    )
    ends = [(since + limit, name) for limit, since, name in limits if limit is not None]
    soonest, name = min(ends, default=(inf, ""))
    if soonest <= now:
        stream.end_soon("server", name)
        return inf
    return soonest


def moments(meter: Meter, handle: Any) -> tuple[float, float]:
    """When a stream began, and when its last chunk came; of an event stream: event."""
    begun = meter.begun or handle.created
    return begun, handle.last_heard(meter.left or begun)
