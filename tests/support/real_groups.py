"""Bodies that hold something of their task across their yields."""

from __future__ import annotations

import asyncio

import anyio

from real_spans import note


async def in_a_group_of_anyio(turn):
    task = asyncio.current_task()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 3600)
            async for line in _lines(turn):
                yield line
            group.cancel_scope.cancel()
    finally:
        note(f"in the same task: {asyncio.current_task() is task}")


async def in_a_group_of_asyncio(turn):
    task = asyncio.current_task()
    try:
        async with asyncio.TaskGroup() as group:
            sleeping = group.create_task(asyncio.sleep(3600))
            async for line in _lines(turn):
                yield line
            sleeping.cancel()
    finally:
        note(f"in the same task: {asyncio.current_task() is task}")


async def in_a_time_limit(turn):
    task = asyncio.current_task()
    try:
        with anyio.fail_after(3600):
            async for line in _lines(turn):
                yield line
    finally:
        note(f"in the same task: {asyncio.current_task() is task}")


async def holding_a_lock(turn):
    task, lock = asyncio.current_task(), anyio.Lock()
    try:
        async with lock:
            async for line in _lines(turn):
                yield line
    finally:
        note(f"in the same task: {asyncio.current_task() is task}")


BODIES = [in_a_group_of_anyio, in_a_group_of_asyncio, in_a_time_limit, holding_a_lock]


async def _lines(turn):
    for number in range(4):
        yield f"{number}\n"
        await turn.anext()
