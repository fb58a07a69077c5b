"""The filter that puts a stream's ids on the records of standard logging."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from streaminstr.log import raised
from streaminstr.log.logger import one_line
from streaminstr.log.origin import here

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING = (None, "", "0")


class StreamFilter(logging.Filter):
    """Puts the stream's name (`stream`) and the ids of its span on records emitted in a step.

    For standard logging, on a handler. The same is put on a record of an exception that has ended
    a stream, which is the server's own: with the id of the stream, and what structlog has bound in
    the request. A record keeps the ids that a vendor's own log injection has put there, except
    "0", which stands for none. Other records from outside of a stream stay as they are, so give the
    formatter `defaults`.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        raised.state.is_wanted = True

    def filter(self, record: logging.LogRecord) -> bool:
        fields = vars(record)
        for name, value in _fields_at(record).items():
            if fields.get(name) in _NOTHING:
                fields[name] = one_line(value)
        return True


def _fields_at(record: logging.LogRecord) -> Mapping[str, Any]:
    line = here.get()
    if line is not None:
        return {"stream": line.name, **line.fields}
    return raised.fields_of(record.exc_info[1]) if isinstance(record.exc_info, tuple) else {}
