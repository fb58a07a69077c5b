"""The fields of a stream's log events, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streaminstr import attributes as names

if TYPE_CHECKING:
    from streaminstr.types import Attribute, StreamInfo, StreamReport

_OWN = "streaminstr."
_DIGITS = 6
"""After the decimal point. Durations are in seconds, and a microsecond is fine enough."""
_FIRST = (
    *(names.OUTCOME, names.STALLED, names.CANCELLED_BY, names.CLOSE_REASON),
    *(names.ERROR_TYPE, names.REASON),
)
"""How a stream ended, and why: a line has twenty fields, and these are looked for."""


def fields_of(info: StreamInfo, report: StreamReport) -> dict[str, Attribute]:
    """All fields of a stream, the outcome and its reasons first.

    Our own numbers are rounded, those of the body are not.
    """
    everything = info.as_attributes()
    everything.update(report.as_attributes())
    for name, value in everything.items():
        if isinstance(value, float) and name.startswith(_OWN):
            everything[name] = round(value, _DIGITS)
    fields = {name: everything[name] for name in _FIRST if name in everything}
    fields.update(everything)
    return fields
