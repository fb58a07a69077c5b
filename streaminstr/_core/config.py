"""How a stream is instrumented: its backends, its options, and hooks from other packages."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr._core.handle import plain_logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from streaminstr._core.handle import StreamHandle
    from streaminstr.types import Backend, Parent


class Progress:
    """When progress is due next, and the lock that keeps progress and close apart."""

    __slots__ = ("due", "interval", "lock")

    def __init__(self, interval: float) -> None:
        self.interval, self.due, self.lock = interval, clock() + interval, Lock()


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
    bind: Callable[[StreamHandle], None] = lambda _: None
    """Adds a stream's fields to the log lines of the current Context, the stream's own."""
    logger: Callable[[StreamHandle], Any] = plain_logger
    """Returns the logger of a stream."""
    drain: float | None = None
    """How long open streams may continue after SIGTERM, in seconds; None for no drain."""
    farewell: Callable[[StreamHandle], Any] | None = None
    """Returns the last chunk of a stream that the server ends; None for no last chunk."""
    announce: Callable[[StreamHandle], None] | None = None
    """Logs that a stream has begun, in its Context; None if that event is not enabled."""
    max_age: float | None = None
    max_stall: float | None = None
    """Seconds after which an open stream, or one without a new chunk, is ended."""
    look_after: Callable[[Any], None] | None = None
    """Registers a stream that has just begun with the background thread, if it must watch it."""


OFF = Config()
"""Nothing is instrumented."""
