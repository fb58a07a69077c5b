"""What a stream needs to know about how it is instrumented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from streaminstr.types import Attribute, Backend, Parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Backends and options, and what the other rooms hand to the core."""

    backends: tuple[Backend, ...] = ()
    parent: Parent = "child"
    cancelled_is_error: bool = False
    progress_interval: float | None = None
    gap_bounds: tuple[float, ...] = ()
    """Bounds of the histogram of gaps, in seconds; empty: there is none."""
    runner: Callable[[Context], Callable[..., Any]] = lambda context: context.run
    """Makes the function that runs a stream's steps from the stream's Context."""
    place: Callable[[Context, Callable[..., Any]], Any] = lambda _, __: None
    """What keeps apart, in a stream's Context, what belongs to a thread or loop (`_asgiref.Place`);
    None: nothing does."""
    bind: Callable[[Any, Mapping[str, Attribute]], None] = lambda _, __: None
    """Puts a stream's fields on the log lines of the current Context, which is the stream's. Takes
    the handle, and the ids of its span from its backends."""
    drain: float | None = None
    """Seconds that open streams have after SIGTERM; None: nothing is drained."""
    farewell: Callable[[Any], Any] | None = None
    """The last chunk of a stream that the server ends, or None for none."""
    announce: Callable[[Any], None] | None = None
    """Says that a stream has begun, in its Context; None: no event for that was asked for."""
    max_age: float | None = None
    max_stall: float | None = None
    """Seconds after which an open stream, or one without a new chunk, is ended."""
    look_after: Callable[[Any], None] | None = None
    """Has the background thread look at the life of a stream that has just begun, where it must."""


OFF = Config()
"""Nothing is instrumented."""
