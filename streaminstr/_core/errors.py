"""What goes along with an exception that leaves a Context of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from contextvars import Context


def hand_on(context: Context, error: BaseException) -> None:
    """Set here the variables of `context` that hold `error`.

    An error tracker remembers so what it has reported, and would otherwise report it again.
    """
    for variable, value in context.items():
        if value is error or (isinstance(value, ref) and value() is error):
            variable.set(value)
