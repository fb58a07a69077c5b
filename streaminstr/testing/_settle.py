"""Close a stream or response as an ASGI server does, and wait for what that sets going."""

from __future__ import annotations

import asyncio
from typing import Any


async def close_in_thread(streamed: Any) -> None:
    """Call `close()` in a worker thread, and await the tasks that it has started here."""
    before = asyncio.all_tasks()
    await asyncio.to_thread(streamed.close)
    if started := asyncio.all_tasks() - before:
        await asyncio.wait(started)
