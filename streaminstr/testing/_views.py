"""What the contract reads back from a backend: spans, in no vendor's terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanView:
    """A finished span, in a form that is the same for all vendors (`BackendContract.finished`).

    The ids have the form of the log fields that `start()` returned.
    """

    name: str
    """The name of the stream, wherever the vendor shows it."""
    span_id: str = ""
    trace_id: str = ""
    parent_id: str | None = None
    """The `span_id` of the parent; None for the root of a trace."""
    links: tuple[str, ...] = ()
    """The `span_id` of each span that it is linked to."""
    start_ns: int | None = None
    """Unix time in nanoseconds; milliseconds are fine enough."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    """Under the names in `info.attributes` and in the report. Numbers may be text."""
    is_error: bool = False
    exceptions: int = 0
    """Number of exceptions recorded on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """One series of a metric, as `MetricsContract.points` returns it."""

    name: str
    """The name in streaminstr.metrics, such as `streaminstr.streams.opened`."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    """Under the names in streaminstr.attributes; one that is empty counts as left out."""
    value: float = 0.0
    """The value of a counter or a gauge, or the sum of a histogram."""
    count: int | None = None
    """For a histogram: the number of recorded values."""
