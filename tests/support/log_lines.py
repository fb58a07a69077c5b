"""Log lines as a list: structlog configured in each of its modes, with the list at its end."""

from __future__ import annotations

import structlog

LINES = []
"""Event dicts, in their order, of whatever was logged by structlog since the last `in_mode`."""


def keep(logger, method, event):
    """The last processor: what it is given is the line."""
    LINES.append({**event, "log_level": method})
    raise structlog.DropEvent


def in_mode(mode, *processors):
    """Configure structlog for `contextvars`, `wrap_dict`, `bind_threadlocal` or `immutable`."""
    LINES.clear()
    first = {
        "contextvars": [structlog.contextvars.merge_contextvars],
        "bind_threadlocal": [structlog.threadlocal.merge_threadlocal],
    }
    structlog.configure(
        processors=[*first.get(mode, []), *processors, keep],
        context_class=structlog.threadlocal.wrap_dict(dict) if mode == "wrap_dict" else dict,
    )


def lines(event=None):
    """The lines so far, or those of one event."""
    return [line for line in LINES if event in (None, line["event"])]


def line(event):
    """The one line of an event."""
    (found,) = lines(event)
    return found


def values(event, *names):
    """Of each line of an event, the values of some fields: None where it has no such field."""
    return [tuple(each.get(name) for name in names) for each in lines(event)]


class FieldsBackend:
    """Gives log lines the fields, and nothing else. It is its own scope."""

    def __init__(self, fields):
        self.fields = fields

    def open(self, info):
        return self

    def start(self):
        return dict(self.fields)

    def close(self, report):
        pass
