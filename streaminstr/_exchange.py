"""What an outermost net knows about the current request and its response."""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import Context, ContextVar, copy_context
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any
from weakref import ref

from streaminstr._calls import loop
from streaminstr._frames import local_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from streaminstr.types import CancelledBy

KEY = "streaminstr.exchange"
"""The key of the exchange in the ASGI scope or WSGI environ of the request."""
_BRIDGES = ("asgiref.wsgi", "starlette.middleware.wsgi")
"""Modules that run a WSGI application under ASGI, with an environ that has no way to the scope."""
shutting_down = False
"""Whether this process is stopping: SIGTERM, lifespan shutdown, `shutdown()`."""


class Exchange:
    """One request and its response: when it began, its body, why it was cut short."""

    __slots__ = (
        *("_cause", "bodies", "closes_itself", "guess", "has_left", "is_async", "is_over"),
        *("is_taken", "shield", "started", "streams"),
    )

    def __init__(self, *, is_async: bool = False) -> None:
        self.is_async = is_async
        """Whether the net can await, and so closes an async body in the task of the request."""
        self.started = clock()
        self.streams: dict[ref[Any], Any] = {}
        """What was made during the request, its body or any other stream, and in which task."""
        self.bodies: tuple[ref[Any], ...] = ()
        """The response's body, as its adapter has said. The net closes it."""
        self.closes_itself = False
        """Whether the framework closes a body itself, in a worker thread: Django. If nothing of it
        has to be awaited, the net closes it only if it is still open when the call ends."""
        self.guess: ref[Any] | None = None
        """What is taken for the body where there is no adapter. It is left alone."""
        self.is_taken = False
        """Whether the response has a scope already, or is to have none."""
        self.has_left = False
        """Whether the client was seen to leave."""
        self.is_over = False
        self.shield: Callable[[], AbstractContextManager[Any]] = nullcontext
        """What the net closes the bodies in, where a framework's cancel scope would end that."""
        self._cause: CancelledBy | None = None

    def cause_of(self, stream: ref[Any] | None, *, is_dropped: bool) -> CancelledBy | None:
        """Who cut short a stream that was made during the request: the client, a server that stops.

        Once the exchange is over, it has cut its own body, and what was dropped with it.
        """
        is_own = stream is self.guess or stream in self.bodies
        if self.is_over and not is_dropped and not is_own:
            return None
        return self._cause or ("server" if shutting_down else None)

    def client_left(self) -> None:
        """Note a disconnect.

        While the process stops, a disconnect counts as caused by the server: a server reports a
        connection that it closes itself in the same way.
        """
        self.has_left = True
        if not shutting_down:
            self._cause = "client"

    def context(self) -> Context:
        """A Context of the response's own, in which streams find this exchange."""
        context = copy_context()
        context.run(_current.set, self)
        return context

    def will_close(self, stream: ref[Any] | None) -> bool:
        """Whether the net is going to close `stream`, in the task of the request."""
        return self.is_async and not self.is_over and stream in self.bodies

    def leaves(self, stream: Any) -> bool:
        """Whether the net leaves the close of `stream` to its framework, for as long as it can."""
        return self.closes_itself and not stream.needs_its_loop()

    def note(self, stream: Any) -> None:
        """Remember a stream that is made during the request, for as long as it is there.

        Only while it may be the body: it is not asked once the response has a scope.
        """
        if self.is_taken:
            return
        self.streams[ref(stream, self.streams.pop)] = loop.current_task()

    def own(self, stream: Any) -> None:
        """Say that `stream` is the response's body. No other stream is the net's to close."""
        self.bodies = (*self.bodies, ref(stream))
        self.is_taken = True


_current: ContextVar[Exchange | None] = ContextVar("streaminstr.exchange", default=None)


def here() -> Exchange | None:
    """The exchange that the current Context belongs to, while it lasts."""
    exchange = _current.get()
    return None if exchange is None or exchange.is_over else exchange


def exchange_of(carrier: Mapping[str, Any]) -> Exchange | None:
    """The exchange of a request, by its ASGI scope or WSGI environ.

    An application that is called in process has its caller's Context and a scope of its own.
    """
    exchange = _current.get()
    if exchange is None or exchange.is_over:
        return None
    owner = carrier.get("asgi.scope", carrier).get(KEY)  # the first key is a2wsgi's
    if owner is None and exchange.is_async and "wsgi.input" in carrier:
        owner = _behind(carrier)
    return exchange if owner is exchange else None


def _behind(environ: Mapping[str, Any]) -> Any:
    """The exchange of a WSGI application that is run by one of the bridges, else None."""
    for module in _BRIDGES:
        if local_of(module, "environ") is environ:
            return getattr(local_of(module, "self"), "scope", environ).get(KEY)
    return None


def alive(streams: Iterable[ref[Any]]) -> list[Any]:
    """Those that have not been dropped, oldest first: a body before what it reads."""
    return [stream for one in tuple(streams) if (stream := one()) is not None]
