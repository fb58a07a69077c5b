"""What one of the outermost nets knows of the request and response that it is holding."""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weakref import ref

    from streaminstr._scope import CancelledBy

shutting_down = False
"""Whether this process has been told to stop: SIGTERM, lifespan shutdown, `shutdown()`."""


class Exchange:
    """One request and its response: when it began, its streams, why it was cut short."""

    __slots__ = ("_cause", "started", "streams")

    def __init__(self) -> None:
        self.started = clock()
        self.streams: list[ref[Any]] = []
        self._cause: CancelledBy | None = None

    @property
    def cause(self) -> CancelledBy | None:
        """Who cut it short: what was seen of the client first, else a server that is stopping."""
        return self._cause or ("server" if shutting_down else None)

    def client_left(self) -> None:
        self._cause = "client"


current_exchange: ContextVar[Exchange | None] = ContextVar("streaminstr.exchange", default=None)
