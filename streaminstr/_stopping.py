"""Whether this process drains, and the tasks that wait for a drain to begin."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from streaminstr._calls import loop

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

draining = False
"""Whether a drain has begun. A handler of a signal sets it, which notifies no one by itself."""
refuses_from = 0.0
"""When a drain begins to refuse event streams, by `monotonic`."""
_LOOK_AGAIN = 0.1
"""How often a task that cannot be notified checks, in seconds."""
_waiters: set[tuple[AbstractEventLoop, Future[None]]] = set()


def refuses() -> bool:
    """Whether an event stream that begins now is refused."""
    return draining and monotonic() >= refuses_from


async def stopped() -> None:
    """Return when a drain begins; at once where one has begun."""
    ours = loop.running()
    if ours is None:
        while not draining:
            await sys.modules["trio"].sleep(_LOOK_AGAIN)
        return
    waiter = ours, ours.create_future()
    _waiters.add(waiter)
    try:
        if not draining:  # looked at again: it may have begun in the meantime
            await waiter[1]
    finally:
        _waiters.discard(waiter)


def notify() -> None:
    """Wake those that wait for a drain to begin. Called from any thread, not by a signal."""
    for ours, future in tuple(_waiters):
        try:
            ours.call_soon_threadsafe(_wake, future)
        except RuntimeError:  # a loop that has gone
            _waiters.discard((ours, future))


def _wake(future: Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


def _forget() -> None:
    global draining  # noqa: PLW0603 - a child that is forked has its own life
    draining = False
    _waiters.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_forget)
