"""The fields of a stream's log events, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streaminstr.types import Attribute, StreamInfo, StreamReport

_OWN = "streaminstr."
_DIGITS = 6
"""After the decimal point. Durations are in seconds, and a microsecond is fine enough."""


def fields_of(info: StreamInfo, report: StreamReport) -> dict[str, Attribute]:
    """All that is known of a stream. Our own numbers are rounded, those of the body are not."""
    fields = {**info.as_attributes(), **report.as_attributes()}
    return {
        name: round(value, _DIGITS) if isinstance(value, float) and name.startswith(_OWN) else value
        for name, value in fields.items()
    }
