"""The event loop that an async body belongs to.

Looks asyncio and trio up in `sys.modules`: if a library was never imported, it runs no loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

FOREIGN: Any = object()
"""A loop that is not asyncio's. Nothing can be scheduled on it from outside."""
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
_tasks: set[Any] = set()
"""Running clean-ups. A loop keeps only weak references to its tasks, so they are held here."""


def running() -> Any:
    """The asyncio loop that is running in this thread."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def current() -> Any:
    """The loop that is running in this thread: one of asyncio's, `FOREIGN`, or None."""
    ours = running()
    trio: Any = sys.modules.get("trio")
    if ours is None and trio is not None and trio.lowlevel.in_trio_run():
        return FOREIGN
    return ours


def current_task() -> Any:
    """The task of asyncio that is running in this thread, or None."""
    return None if running() is None else sys.modules["asyncio"].current_task()


def cancel_requests() -> int:
    """Number of pending cancel requests of the current asyncio task; 0 if there is no task."""
    task = current_task()
    return 0 if task is None else task.cancelling()


def is_alive(loop: Any) -> bool:
    """Whether a callback scheduled on `loop` will still run."""
    return loop is not None and loop is not FOREIGN and bool(loop.is_running())


def spawn(loop: Any, function: Callable[[], Coroutine[Any, Any, None]], context: Context) -> bool:
    """Run `function()` as a task of `loop`, from any thread; False if the loop is gone.

    In the loop's own thread the task starts at once, on Python 3.12 and newer.
    """
    if not is_alive(loop):
        return False
    if running() is loop:
        _start(loop, function, context, **_EAGER)
        return True
    try:
        loop.call_soon_threadsafe(_start, loop, function, context)
    except RuntimeError:  # closed meanwhile
        return False
    return True


def _start(loop: Any, function: Callable[[], Any], context: Context, **options: Any) -> None:
    task = sys.modules["asyncio"].Task(function(), loop=loop, context=context, **options)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
