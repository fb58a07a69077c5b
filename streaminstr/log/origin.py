"""The bindings for a stream's log lines, for loggers that are used outside of the stream."""

from __future__ import annotations

import logging
import operator
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names
from streaminstr._asgiref import copy_here, tagged_thread
from streaminstr.log import raised, structured
from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from streaminstr._core.handle import StreamHandle
    from streaminstr.log.structured import ThreadLocals
    from streaminstr.types import Attribute

RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "taskName"),  # logging's own, set later or by newer Pythons
    *("self", "event", "method_name", "level", "logger", "timestamp", "positional_args"),
}
"""Names that logging and structlog use themselves. A field of such a name would break the line."""


@dataclass(eq=False, slots=True)
class Line:
    """What each log line of a stream carries."""

    name: str
    fields: Mapping[str, Attribute]


_UNSET: Any = object()
here: ContextVar[Line | None] = ContextVar("streaminstr.line", default=None)
"""The fields of the stream whose step or clean-up is running here."""


class Origin:
    """The bindings of one stream as they were at its first step.

    A logger may outlive its stream, so this refers to no handle: with a reference cycle, a dropped
    stream would not end until the garbage collector found it.
    """

    __slots__ = ("_context", "_held", "_thread", "line")

    def __init__(self) -> None:
        self.line: Line | None = None
        self._context: Context | None = None
        self._thread = 0
        self._held: ThreadLocals | None = None

    @property
    def fields(self) -> Mapping[str, Attribute]:
        """What each log line carries; nothing before the first step."""
        return NOTHING if self.line is None else self.line.fields

    def settle(self, line: Line) -> None:
        """Put the fields on each line of the current Context, and remember what is bound in it."""
        self.line = line
        self._held = structured.bind(line.fields)
        # Copied first: without a variable of ours it shares all its memory with the request's.
        self._context, self._thread = copy_context(), tagged_thread()
        here.set(line)

    def resettle(self, line: Line, before: Context) -> None:
        """Put other fields on each line of the current Context, and on those from elsewhere.

        What is remembered changes by what was set since the copy `before` was made, and by no more:
        what the body has bound meanwhile stays its own.
        """
        remembered = (before if self._context is None else self._context).copy()
        self.line = line
        here.set(line)
        structured.bind(line.fields)
        if self._held is not None:
            self._held = self._held.with_fields(line.fields)
        for variable, value in copy_context().items():
            if before.get(variable, _UNSET) is not value:
                remembered.run(variable.set, value)
        self._context = remembered

    def note(self, error: BaseException, stream_id: str) -> None:
        """Keep with an exception that ends the stream what is on its `stream_closed`."""
        if self.line is not None and raised.state.is_wanted:
            own = {**self.line.fields, "stream": self.line.name, names.STREAM_ID: stream_id}
            raised.keep(error, plain_names({**self.run(structured.all_bound), **own}))

    @property
    def run(self) -> Callable[..., Any]:
        """Calls a function with the stream's bindings, which are current or remembered.

        It adds no Python frame to the stack, where loggers look for their caller.
        """
        if self._context is None or here.get() is self.line:
            return operator.call
        context = copy_here(self._context, self._thread)
        context.run(here.set, self.line)
        run: Callable[..., Any] = context.run
        return run if self._held is None else partial(run, self._held.run)


NOWHERE = Origin()
"""The origin of the logger outside of a stream."""


def bind(handle: StreamHandle, ids: Mapping[str, Attribute]) -> None:
    """Put a stream's ids, and attributes set before its first step, on each of its log lines."""
    fields = {**handle.attributes, **ids} if handle.attributes else ids
    line = Line(handle.info.name, plain_names(fields) if fields else NOTHING)
    origin_of(handle).settle(line)


def rebind(handle: StreamHandle, fields: Mapping[str, Any], before: Context) -> None:
    """Put the ids of another span on the log lines of a stream, from now on.

    `before` is a copy of the current Context from before that span was current.
    """
    origin = origin_of(handle)
    all_fields = {**origin.fields, **plain_names(fields)}
    origin.resettle(Line(handle.info.name, all_fields), before)


def origin_of(handle: StreamHandle) -> Origin:
    """The origin of a stream, which its loggers share."""
    origin: Origin | None = handle.origin
    if origin is None:
        origin = handle.origin = Origin()
    return origin


def plain_names(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """`fields`, with an underscore after each reserved name."""
    if RESERVED.isdisjoint(fields):
        return fields
    return {f"{name}_" if name in RESERVED else name: value for name, value in fields.items()}
