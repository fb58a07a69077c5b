"""The filter that puts a stream's ids on the records of standard logging."""

from __future__ import annotations

import logging

from streaminstr.log.logger import one_line
from streaminstr.log.origin import here

_NOTHING = (None, "", "0")


class StreamFilter(logging.Filter):
    """Puts the stream's name (`stream`) and the ids of its span on records emitted in a step.

    For standard logging, on a handler. A record keeps the ids that a vendor's own log injection has
    put there, except "0", which stands for none. Records from outside of a stream stay as they are,
    so give the formatter `defaults`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        line = here.get()
        if line is not None:
            fields = vars(record)
            for name, value in (("stream", line.name), *line.fields.items()):
                if fields.get(name) in _NOTHING:
                    fields[name] = one_line(value)
        return True
