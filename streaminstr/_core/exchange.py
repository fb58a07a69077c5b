"""What an outermost net knows of the request and response that pass through it."""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weakref import ref

    from streaminstr.types import CancelledBy

shutting_down = False
"""Whether this process is stopping: SIGTERM, lifespan shutdown, `shutdown()`."""


class Exchange:
    """One request and its response: when it began, its streams, why it was cut short."""

    __slots__ = ("_cause", "_taken", "started", "streams")

    def __init__(self) -> None:
        self.started = clock()
        self.streams: list[ref[Any]] = []
        self._cause: CancelledBy | None = None
        self._taken = False

    @property
    def cause(self) -> CancelledBy | None:
        """Who cut it short: what was seen of the client first, else a server that is stopping."""
        return self._cause or ("server" if shutting_down else None)

    def client_left(self) -> None:
        """Note a disconnect.

        While the process stops, the server is the cause: it reports connections that it closes
        itself in the same way.
        """
        if not shutting_down:
            self._cause = "client"

    def context(self) -> Context:
        """A Context of the response's own, in which streams find this exchange."""
        context = copy_context()
        context.run(current_exchange.set, self)
        return context

    @property
    def is_taken(self) -> bool:
        """Whether the body has a scope already, or is to have none. Asked as a response begins.

        A stream that has not ended by then is the body: what a middleware or a view has made. A
        stream that the body makes for itself comes later.
        """
        lives = (stream._life for stream in self.alive())  # noqa: SLF001 - every kind has one
        return self._taken or any(life.is_open or not life.started for life in lives)

    def take(self) -> None:
        """Leave the scope of this response to an adapter."""
        self._taken = True

    def alive(self) -> list[Any]:
        """The streams that have not been dropped, oldest first: a body before what it reads."""
        return [stream for one in tuple(self.streams) if (stream := one()) is not None]


current_exchange: ContextVar[Exchange | None] = ContextVar("streaminstr.exchange", default=None)


def take_response() -> None:
    """Tell the net round this request, where there is one, to leave its scope to an adapter."""
    exchange = current_exchange.get()
    if exchange is not None:
        exchange.take()
