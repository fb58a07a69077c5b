"""How a stream is instrumented: its backends, its options, and hooks from other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from streaminstr.types import Attribute, Backend, Parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Backends and options, and the functions that other packages pass to the core."""

    backends: tuple[Backend, ...] = ()
    parent: Parent = "child"
    cancelled_is_error: bool = False
    progress_interval: float | None = None
    gap_bounds: tuple[float, ...] = ()
    """Bounds of the histogram of gaps, in seconds; empty for no histogram."""
    runner: Callable[[Context], Callable[..., Any]] = lambda context: context.run
    """Returns the function that runs a stream's steps in the stream's Context."""
    place: Callable[[Context, Callable[..., Any]], Any] = lambda _, __: None
    """Keeps the variables of a Context apart that belong to a thread or loop (`_asgiref.Place`);
    None if there are none."""
    bind: Callable[[Any, Mapping[str, Attribute]], None] = lambda _, __: None
    """Adds a stream's fields to the log lines of the current Context, the stream's own. Takes the
    handle, and the ids of its span from its backends."""
    drain: float | None = None
    """How long open streams may continue after SIGTERM, in seconds; None for no drain."""
    farewell: Callable[[Any], Any] | None = None
    """Returns the last chunk of a stream that the server ends; None for no last chunk."""
    announce: Callable[[Any], None] | None = None
    """Logs that a stream has begun, in its Context; None if that event is not enabled."""
    max_age: float | None = None
    max_stall: float | None = None
    """Seconds after which an open stream, or one without a new chunk, is ended."""
    look_after: Callable[[Any], None] | None = None
    """Registers a stream that has just begun with the background thread, if it must watch it."""


OFF = Config()
"""Nothing is instrumented."""
