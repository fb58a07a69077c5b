"""The response of an ASGI application: whether the net opens a scope for it, and how that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any

from streaminstr._calls import loop
from streaminstr._calls.guard import guarded
from streaminstr._frames import comes_from, is_awaited_by, local_of
from streaminstr._http import has_body
from streaminstr._response import facts_in, handle_of
from streaminstr._wrap import push

if TYPE_CHECKING:
    from weakref import ref

    from streaminstr._core.config import Config
    from streaminstr._exchange import Exchange
    from streaminstr._nets.protocol import Message
    from streaminstr._push import PushedStream

_RELAYS = "starlette.middleware.base"
"""Starlette's `BaseHTTPMiddleware` passes a response on from one task to another. The body may be a
step ahead of what is sent, and the last message is sent before what the body raises is known."""
_BACKGROUND = "starlette.background"
_DJANGO = "django.core.handlers.asgi"


class Response:
    """What the messages of an application say of its response."""

    __slots__ = (
        *("_before", "_begun", "_config", "_exchange", "_is_body_next", "_is_sent"),
        *("_scope", "_start", "_stream", "_task", "_was_cut", "is_watched"),
    )

    def __init__(self, config: Config, exchange: Exchange, scope: Message) -> None:
        self._config, self._exchange, self._scope = config, exchange, scope
        self._task = loop.current_task()
        self._begun = 0.0
        self._start: Message = {}
        self._before: dict[ref[Any], Any] = {}
        """The streams that were there when the response began: its body may be one of them."""
        self._stream: PushedStream | None = None
        self.is_watched = True
        """Whether it has a scope of the net's, or may still get one."""
        self._is_body_next = False
        self._is_sent = self._was_cut = False
        """Whether the last message was made."""
        """Whether the outcome is known only when the application's call is over."""

    def look(self, message: Message) -> Message:
        """Note a message that is about to be sent; returns what is to be sent in its place."""
        kind = message["type"]
        if kind == "http.response.body":
            self._count(message)
        elif kind == "http.response.start":
            return self._begin(message)
        return message

    def _begin(self, message: Message) -> Message:
        self.is_watched = not self._exchange.is_taken
        if not self.is_watched:
            return message
        headers = message.get("headers")
        if isinstance(headers, Iterator):  # read here, it would be empty for the server
            message = {**message, "headers": list(headers)}
        self._begun, self._start, self._is_body_next = clock(), message, True
        self._before = self._exchange.streams.copy()
        return message

    def _count(self, message: Message) -> None:
        now = clock()  # before a scope is opened, which is no work of the body's
        more = message.get("more_body", False)
        if self._is_body_next:
            self._is_body_next = False
            self._stream = guarded(self._open, default=None) if more else None
            self.is_watched = self._stream is not None
        if self._stream is None or self._is_sent:
            return
        chunk = message.get("body", b"")
        if chunk or more:
            self._stream.push(chunk, now)
        if not more:
            self._finish(self._stream)

    def sent(self) -> None:
        """Note that the server has taken a message: the body is at work on the next one."""
        if self._stream is not None and not self._is_sent:
            self._stream.resume()

    def refused(self) -> None:
        """Note that the client has left."""
        if self._stream is not None and self._is_sent:
            self._stream.finish()
        elif self._stream is not None:
            self._stream.close()
            self._stream.withdraw()

    def end(self, error: BaseException | None) -> None:
        """End the scope as the call has ended, if the last message did not."""
        if self._stream is None:
            return
        has_failed = isinstance(error, Exception) and not comes_from(_BACKGROUND, error)
        if self._is_sent and not has_failed and not self._was_cut:
            self._stream.finish()
        else:
            self._stream.end(error)

    def _finish(self, stream: PushedStream) -> None:
        self._is_sent = True
        if is_awaited_by(_RELAYS):
            # Its last message does not say that the body was exhausted.
            self._was_cut = self._exchange.has_left
            stream.hold()
        else:
            stream.finish()
        stream.withdraw()

    def _open(self) -> PushedStream | None:
        """Give the response a scope, in the Context of the sender. Dated back to its start."""
        method, status = self._scope.get("method"), self._start.get("status")
        status = status if isinstance(status, int) else None
        headers = _headers(self._start)
        # With a Content-Length it is complete: a file, or a page in several messages.
        if not has_body(method, status) or b"content-length" in headers or _is_page():
            return None
        if self._is_taken():
            return None
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        facts = facts_in(self._scope, status, named)._replace(may_append=False)
        started_ns = time.time_ns() - int((clock() - self._begun) * 1e9)
        handle = handle_of(self._config, facts, started_ns=started_ns)
        return push(handle, self._config, self._exchange, self._begun)

    def _is_taken(self) -> bool:
        """Whether the body has a scope already: by an adapter, or as a stream of the application's.

        That is one which was there when the response began and now waits for its next step. One
        that is in a step, or was made in a task of its own, is at work in the background.
        """
        if self._exchange.is_taken:
            return True
        own_tasks = (None, self._task, loop.current_task())
        for reference, task in self._before.items():
            stream = reference()
            if stream is not None and stream._life.is_open:  # noqa: SLF001 - every kind has one
                is_waiting = stream._turn and task in own_tasks  # noqa: SLF001 - and this, too
                if is_waiting or is_awaited_by(_RELAYS):
                    self._exchange.guess = stream._life.stream  # noqa: SLF001
                    return True
        return False


def _is_page() -> bool:
    """Whether Django is sending what it knows to be no stream. It sends a long page in parts."""
    return getattr(local_of(_DJANGO, "response"), "streaming", True) is False


def _headers(start: Message) -> dict[bytes, bytes]:
    return {bytes(name).lower(): bytes(value) for name, value in start.get("headers") or ()}
