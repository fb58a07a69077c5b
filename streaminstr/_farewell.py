"""The last chunk for the client of an event stream that the server ends."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

from streaminstr._events import EventCounter

if TYPE_CHECKING:
    from collections.abc import Callable

_SOONEST, _LATEST = 1_000, 5_000
"""Range of `{jitter}`, in milliseconds. Random, so that clients do not all reconnect at once."""


def farewell(given: Any) -> Callable[[Any], bytes | None] | None:
    """What makes the last chunk from a stream's handle, by the option `farewell`."""
    return None if given is None else partial(_say, given)


def _say(given: str | bytes | Callable[[], str | bytes], handle: Any) -> bytes | None:
    """The farewell; None for what is no event stream, in half an event, or of fixed length."""
    counter = handle.counter
    if not handle.may_append or not isinstance(counter, EventCounter) or counter.is_in_event:
        return None
    handle.may_append = False  # once
    text = given() if callable(given) else given
    data = text.encode() if isinstance(text, str) else text
    # Not by `format`: a farewell may hold JSON.
    return data.replace(b"{jitter}", b"%d" % random.randint(_SOONEST, _LATEST))  # noqa: S311 - no secret
