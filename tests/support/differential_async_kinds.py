"""Kinds of async bodies: async generators, also begun ones, and what they hold across yields."""

from __future__ import annotations

import asyncio

import anyio
import anyio.lowlevel

from differential_kinds import kind
from differential_world import CHUNKS, local, own
from streaminstr import current_stream

ASYNC_KINDS = {}
"""By their names."""


def async_kind(name, **facts):
    return kind(name, into=ASYNC_KINDS, **facts)


async def begin(body):
    """Take the first chunk, as a view does that wants to see an early error."""
    return await anext(body), body


@async_kind("async generator", sends=True)
async def chunks(world):
    for number in range(CHUNKS):
        await world.turn(number)
        yield world.chunk(number)


@async_kind("async generator that never waits", sends=True)
async def ready(world):
    for number in range(CHUNKS):
        yield world.chunk(number)


@async_kind("async generator with a clean-up", sends=True)
async def cleaning(world):
    try:
        async for chunk in chunks(world):
            yield chunk
    finally:
        world.note("clean-up")


@async_kind("async generator whose clean-up waits", sends=True)
async def slowly_cleaning(world):
    try:
        for number in range(CHUNKS):
            await world.turn(number)
            yield world.chunk(number)
    finally:
        world.note("clean-up begins")
        await world.pause()
        world.note("clean-up")


@async_kind("async generator in generators", sends=True)
async def nested(world):
    try:
        async for chunk in slowly_cleaning(world):
            yield chunk
    except GeneratorExit:
        world.note("outer was closed")
        raise


@async_kind("async generator that holds a token", sends=True)
async def holding(world):
    token = own.set("held")
    try:
        for number in range(CHUNKS):
            await world.turn(number)
            yield world.chunk(number)
    finally:
        world.note("clean-up")
        own.reset(token)


@async_kind("async generator that catches its close", sends=True)
async def catching(world):
    try:
        for number in range(CHUNKS):
            await world.turn(number)
            yield world.chunk(number)
    except GeneratorExit:
        world.note("closed")


@async_kind("async generator that yields after its close", sends=True)
async def stubborn(world):
    try:
        for number in range(CHUNKS):
            await world.turn(number)
            yield world.chunk(number)
    except GeneratorExit:
        world.note("closed")
        yield b"more"


@async_kind("async generator that goes on when cancelled", sends=True)
async def surviving(world):
    for number in range(CHUNKS):
        try:
            await world.turn(number)
        except asyncio.CancelledError:
            world.note("cancelled")
        yield world.chunk(number)


@async_kind("async generator whose clean-up raises", sends=True)
async def failing_clean_up(world):
    try:
        for number in range(CHUNKS):
            await world.turn(number)
            yield world.chunk(number)
    finally:
        world.note("clean-up")
        world.refuse("clean-up")


@async_kind("async generator that is sent values", sends=True)
async def echo(world):
    sent = None
    for number in range(CHUNKS):
        try:
            sent = yield world.chunk(number), sent
        except KeyError as error:
            sent = f"caught {error.args}"


@async_kind("async generator that binds", sends=True)
async def binding(world):
    async for chunk in chunks(world):
        own.set(f"by chunk {chunk}")
        local.own = f"by chunk {chunk}"
        await world.pause()
        world.note("bound")
        yield chunk


@async_kind("async generator that asks for its stream", sends=True)
async def asking(world):
    async for chunk in chunks(world):
        stream = current_stream()
        if stream:
            stream.set_attribute("shop.chunk", chunk.decode())
            stream.logger.debug("chunk")
        yield chunk


@async_kind("async generator expression", sends=True)
def expression(world):
    return (chunk async for chunk in cleaning(world))


# What is held across yields belongs to the task.


@async_kind("async generator that holds a timeout", sends=True)
async def timing(world):
    async with asyncio.timeout(60):
        async for chunk in slowly_cleaning(world):
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
        async for chunk in slowly_cleaning(world):
            yield chunk


@async_kind("async generator that holds a lock", sends=True)
async def locking(world):
    lock = asyncio.Lock()
    async with lock:
        async for chunk in slowly_cleaning(world):
            yield chunk
    world.note(f"locked: {lock.locked()}")


@async_kind("async generator that holds an anyio lock", sends=True)
async def anyio_locking(world):
    async with anyio.Lock():
        async for chunk in slowly_cleaning(world):
            yield chunk
