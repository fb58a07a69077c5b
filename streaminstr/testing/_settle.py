"""Let an event loop come to what closing or dropping a stream has set going."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PATIENCE = 5.0
"""Seconds. A body may start tasks of its own, and they may be meant to last."""


@asynccontextmanager
async def settled() -> AsyncIterator[None]:
    """Await the tasks that are started inside the block, before it is left."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # a dropped async generator has its clean-up made a task by a callback
    if started := asyncio.all_tasks() - before:
        await asyncio.wait(started, timeout=_PATIENCE)


async def close_in_thread(streamed: Any) -> None:
    """Close a stream or response as Django's ASGI handler does, in a worker thread."""
    async with settled():
        await asyncio.to_thread(streamed.close)
