"""What the contract reads back from a backend: spans, in no vendor's terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanView:
    """One finished span as `BackendContract.finished` returns it, whatever the vendor calls it.

    The ids have the form in which `start()` returned them as log fields.
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
    """How many exceptions were recorded for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """One series of a metric, as `MetricsContract.points` returns it."""

    name: str
    """The name in streaminstr.metrics, such as `streaminstr.streams.opened`."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    """Under the names in streaminstr.attributes; one that is empty counts as left out."""
    value: float = 0.0
    """Of a counter or a gauge; of a histogram the sum."""
    count: int | None = None
    """Of a histogram: how many values it has recorded."""
