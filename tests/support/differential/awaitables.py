"""Kinds of async bodies: what else can be awaited than a coroutine; queues and readers."""

from __future__ import annotations

import asyncio
import types

import anyio

from differential.async_objects import Closed, Rows
from differential.kinds import async_kind
from differential.world import CHUNKS


@async_kind("async iterator whose aclose returns a future", ends=False)
class FutureClose(Rows):
    def aclose(self):
        return asyncio.ensure_future(self.later())

    async def later(self):
        self.world.note("aclose")


class Awaitable:
    """What has `__await__` and no more."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __await__(self):
        return self.function(*self.arguments).__await__()


@async_kind("async iterator whose aclose returns an awaitable object", ends=False)
class AwaitableClose(Rows):
    def aclose(self):
        return Awaitable(Closed.aclose, self)

    closes = "aclose"


@async_kind("async iterator whose aclose is a coroutine of generators", ends=False)
class OldClose(Rows):
    @types.coroutine
    def aclose(self):
        yield from Closed.aclose(self).__await__()

    closes = "aclose"


@async_kind("async iterator that awaits an object", ends=False, not_by="NextWithDefault")
class AwaitableNext(Closed):
    def __anext__(self):
        return Awaitable(Rows.__anext__, self)


@async_kind("async iterator that awaits a future", ends=False, tasks=True)
class FutureNext(Closed):
    def __anext__(self):
        return asyncio.ensure_future(Rows.__anext__(self))


@async_kind("async iterator that awaits a coroutine of generators", ends=False)
class OldNext(Closed):
    @types.coroutine
    def __anext__(self):
        return (yield from Rows.__anext__(self).__await__())


@async_kind("queue reader", ends=False)
class Queue(Rows):
    """As the heartbeat loop of an SSE view reads it: a chunk that came meanwhile is not lost."""

    def __init__(self, world):
        super().__init__(world)
        self.queue, self.fed = asyncio.Queue(), set()

    async def __anext__(self):
        if self.number == CHUNKS:
            raise StopAsyncIteration
        if not self.world.waits_at(self.number):
            self.feed(self.number)
        number = await self.queue.get()
        self.number += 1
        return self.world.chunk(number)

    def feed(self, number):
        if number not in self.fed:
            self.fed.add(number)
            pause = (self.world.pauses or [0] * CHUNKS)[number]
            asyncio.get_running_loop().call_later(pause, self.queue.put_nowait, number)


@async_kind("async generator over a queue", sends=True)
async def queue_generator(world):
    try:
        async for chunk in Queue(world):
            yield chunk
    finally:
        world.note("clean-up")


@async_kind("line reader", ends=False, fails=False)
def lines(world):
    reader = asyncio.StreamReader()
    reader.feed_data(b"a\nb\nc\n")
    reader.feed_eof()
    return reader


@async_kind("anyio receive stream", ends=False, fails=False)
def received(world):
    outlet, inlet = anyio.create_memory_object_stream(CHUNKS)
    for number in range(CHUNKS):
        outlet.send_nowait(b"%d" % number)
    outlet.close()
    return inlet
