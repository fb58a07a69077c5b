"""Kinds of async bodies: async generators."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from differential.kinds import async_kind
from differential.world import CHUNKS, local, own
from streaminstr import current_stream


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
        async with aclosing(slowly_cleaning(world)) as inner:
            async for chunk in inner:
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


@async_kind(
    "async generator that yields after its close", sends=True, not_by="Manager", goes_on=False
)
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
    return (chunk async for chunk in chunks(world))
