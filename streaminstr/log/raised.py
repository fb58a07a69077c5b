"""Finds the stream that an exception came from, when a server logs it after the stream has ended.

The server creates its log record outside of the stream, without the stream's bindings. Only the
exception connects the two. So the fields of the stream are stored in the exception's `__dict__`, if
a `StreamFilter` uses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = "_streaminstr_fields"
_MOST = 20
"""How many exceptions of a chain are looked at: it may be a circle."""


class _State:
    is_wanted = False
    """Whether a filter looks for the fields."""


state = _State()


def keep(error: BaseException, fields: Mapping[str, Any]) -> None:
    """Keep the fields of the stream that `error` has ended.

    Of streams that read each other, the last one stands: it is the response's, as the record is.
    """
    # No objects of the application's: the exception is to be pickled as before.
    plain = {name: value for name, value in fields.items() if isinstance(value, str | int | float)}
    error.__dict__[_KEY] = plain


def fields_of(error: BaseException | None) -> Mapping[str, Any]:
    """The fields of the stream that `error`, or what it was raised from, came out of."""
    for _ in range(_MOST):
        if error is None:
            break
        fields = getattr(error, _KEY, None)
        if isinstance(fields, dict):
            return fields
        error = error.__cause__ or error.__context__
    return {}
