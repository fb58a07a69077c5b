"""Kinds of async bodies: async generators that hold across yields what belongs to their task."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import anyio

from differential.async_generators import slowly_cleaning
from differential.kinds import async_kind
from differential.world import CHUNKS


@async_kind("async generator that holds a timeout", sends=True)
async def timing(world):
    async with asyncio.timeout(60):
        async with aclosing(slowly_cleaning(world)) as inner:
            async for chunk in inner:
                yield chunk


@async_kind("async generator that times out by itself", sends=True)
async def timing_out(world):
    async with asyncio.timeout(5):
        yield world.chunk(0)
        await asyncio.sleep(10)


@async_kind("async generator that holds a task group", holds=True, sends=True)
async def grouping(world):
    items = asyncio.Queue()

    async def produce():
        for number in range(CHUNKS):
            await items.put(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        for _ in range(CHUNKS):
            number = await items.get()
            await world.turn(number)
            yield world.chunk(number)


@async_kind("async generator whose task group fails", holds=True, sends=True, fails=False)
async def failing_group(world):
    async def fail():
        await world.pause()
        world.refuse("child")

    async with asyncio.TaskGroup() as group:
        yield b"a"
        group.create_task(fail())
        await asyncio.Event().wait()


@async_kind("async generator that holds an anyio task group", holds=True, sends=True)
async def anyio_group(world):
    async def produce(outlet):
        async with outlet:
            for number in range(CHUNKS):
                await outlet.send(number)

    async with anyio.create_task_group() as group:
        outlet, inlet = anyio.create_memory_object_stream(0)
        group.start_soon(produce, outlet)
        try:
            async with inlet:
                async for number in inlet:
                    await world.turn(number)
                    yield world.chunk(number)
        finally:
            world.note("clean-up")
            group.cancel_scope.cancel()


@async_kind("async generator that holds a cancel scope", holds=True, sends=True)
async def scoped(world):
    with anyio.move_on_after(60):
        async with aclosing(slowly_cleaning(world)) as inner:
            async for chunk in inner:
                yield chunk


@async_kind("async generator that holds a lock", sends=True)
async def locking(world):
    lock = asyncio.Lock()
    async with lock, aclosing(slowly_cleaning(world)) as inner:
        async for chunk in inner:
            yield chunk
    world.note(f"locked: {lock.locked()}")


@async_kind("async generator that holds an anyio lock", holds=True, sends=True)
async def anyio_locking(world):
    async with anyio.Lock(), aclosing(slowly_cleaning(world)) as inner:
        async for chunk in inner:
            yield chunk
