"""Context variables that must follow an exception out of the stream's Context."""

from __future__ import annotations

from contextvars import Context
from weakref import ref


def hand_on(context: Context, error: BaseException) -> None:
    """Copy the variables of `context` that hold `error` into the current Context.

    Error trackers mark a reported error this way. Without the mark they report it a second time.
    """
    for variable, value in context.items():
        if value is error or (isinstance(value, ref) and value() is error):
            variable.set(value)
