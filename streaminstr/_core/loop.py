"""The event loop that an async body belongs to.

Looks asyncio and trio up in `sys.modules`: one that was never imported has no loop running.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Callable, Coroutine
    from contextvars import Context

FOREIGN: Any = object()
"""A loop that is not asyncio's. Nothing can be handed to it from outside."""
_EAGER = sys.version_info >= (3, 12)
_tasks: set[Task[Any]] = set()
"""Clean-ups under way: a loop keeps only weak references to its tasks."""


def running() -> AbstractEventLoop | None:
    """The asyncio loop that is running in this thread."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        return asyncio.get_running_loop()  # type: ignore[no-any-return]
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
    """How often the current task of asyncio was asked to cancel; 0 where there is none."""
    task = current_task()
    return 0 if task is None else task.cancelling()


def is_alive(loop: Any) -> bool:
    """Whether what is handed to `loop` will still be run."""
    return loop is not None and loop is not FOREIGN and bool(loop.is_running())


def spawn(
    loop: AbstractEventLoop | None,
    function: Callable[[], Coroutine[Any, Any, None]],
    context: Context,
) -> bool:
    """Run `function()` as a task of `loop`, from any thread; False where the loop is gone.

    In the loop's own thread the task starts at once, on the Pythons that can (3.12).
    """
    if loop is None or not is_alive(loop):
        return False
    if running() is loop:
        _start(loop, function, context, eager_start=_EAGER)
        return True
    try:
        loop.call_soon_threadsafe(_start, loop, function, context)
    except RuntimeError:  # closed meanwhile
        return False
    return True


def _start(
    loop: AbstractEventLoop,
    function: Callable[[], Coroutine[Any, Any, None]],
    context: Context,
    *,
    eager_start: bool = False,
) -> None:
    eagerly: dict[str, Any] = {"eager_start": True} if eager_start else {}
    task = sys.modules["asyncio"].Task(function(), loop=loop, context=context, **eagerly)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
