"""What the contract reads back from a backend: spans, in nobody's terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanView:
    """One finished span as an author's `finished()` reports it, whatever the vendor calls it."""

    name: str
    """The name of the stream, wherever the vendor shows it."""
    span_id: str
    """In the form that `start()` returned it as a log field."""
    trace_id: str
    """In the form that `start()` returned it as a log field."""
    parent_id: str | None = None
    """The `span_id` of its parent; None for a root."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    """Under the names and with the types that `info.attributes` and the report gave."""
    is_error: bool = False
    error_type: str | None = None
    exceptions: int = 0
    """How many exceptions were recorded on the span."""
