"""Let an event loop run what closing or dropping a stream has started."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PATIENCE = 5.0
"""Seconds to wait. A body may start tasks of its own, which may run on."""


@asynccontextmanager
async def settled() -> AsyncIterator[None]:
    """Await the tasks that are started inside the block, before it is left."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # the loop makes a task of a dropped generator's clean-up in a callback
    if started := asyncio.all_tasks() - before:
        await asyncio.wait(started, timeout=_PATIENCE)


async def close_in_thread(streamed: Any) -> None:
    """Close a stream or response as Django's ASGI handler does, in a worker thread."""
    async with settled():
        await asyncio.to_thread(streamed.close)
