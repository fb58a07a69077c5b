"""Connections to Django's caches, which Django keeps in an asgiref Local that it never resets.

A connection that is stored in a stream's Context is lost with it: each request would reconnect.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from streaminstr._core.async_stream import AsyncStream
    from streaminstr._core.stream import Stream


def close_here(stream: Stream[Any] | AsyncStream[Any]) -> None:
    """Close a response's body. The calling thread keeps the connections to Django's caches.

    Under ASGI Django calls this in a worker thread. A net that holds the request closes an async
    body itself, in the task of the request, to which its task groups and locks belong: one that is
    still open and has something to await. Django drops the response now, so the net no longer finds
    a body that was read to its end, or never.
    """
    life = stream._life  # noqa: SLF001 - every kind has one
    try:
        net: Any = life.exchange if life.is_open and stream.needs_its_loop() else None
        if net is not None and net.will_close(life.stream):
            life.ask_to_close()
        else:
            stream.close()
    finally:
        guarded(hand_back, life.copy, default=None)


def hand_back(copy: Callable[[], Context]) -> None:
    """Leave the connections that were made in a Context with the caller, for its next request.

    `copy` returns a copy of that Context.
    """
    django: Any = sys.modules.get("django.core.cache")
    if django is not None and sys.modules["django.conf"].settings.configured:
        caches, context = django.caches, copy()
        for alias in caches:
            cache = context.run(getattr, caches._connections, alias, None)  # noqa: SLF001 - no other way
            if cache is not None and getattr(caches._connections, alias, None) is None:  # noqa: SLF001
                caches[alias] = cache
