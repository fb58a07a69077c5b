"""Kinds of async bodies: iterator objects with their closers, queues, and begun generators."""

from __future__ import annotations

import asyncio
import types

import anyio

from differential_async_kinds import async_kind, begin, chunks, cleaning, holding, slowly_cleaning
from differential_world import CHUNKS, switch


class Rows:
    """An async iterator object that may be asked again after it has raised."""

    def __init__(self, world):
        self.world, self.number = world, 0

    def __aiter__(self):
        self.world.ask()
        return self

    async def __anext__(self):
        if self.number == CHUNKS:
            raise StopAsyncIteration
        await self.world.turn(self.number)
        chunk = self.world.chunk(self.number)
        self.number += 1
        return chunk


class Closing:
    """A mixin: has `aclose`."""

    closes = "aclose"

    async def aclose(self):
        await switch()
        self.world.note(self.closes)


class Asked:
    """An async iterable that is no iterator; a subclass says what its iterator is."""

    def __init__(self, world):
        self.world = world

    def iterator(self):
        return ClosedIterator(self.world)

    def __aiter__(self):
        self.world.ask()
        return self.iterator()


class Closed(Closing, Rows):
    pass


class ClosedIterator(Closed):
    closes = "aclose of the iterator"


async_kind("async iterator object", ends=False)(Rows)
async_kind("async iterator with aclose", ends=False)(Closed)


@async_kind("async iterator with an async close", ends=False)
class AsyncClose(Rows):
    async def close(self):
        await switch()
        self.world.note("async close")


@async_kind("async iterator with a sync close", ends=False)
class SyncClose(Rows):
    def close(self):
        self.world.note("sync close")


@async_kind("async iterator with aclose and close", ends=False, may="sync close")
class BothClosers(Closing, SyncClose):
    pass


@async_kind("async iterator with aclose and an async close", ends=False, may="async close")
class BothAwaited(Closing, AsyncClose):
    pass


@async_kind("async iterator whose aclose raises", ends=False)
class Refusing(Rows):
    async def aclose(self):
        await switch()
        self.world.note("aclose")
        self.world.refuse("aclose")


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


@async_kind("async iterable whose iterator has aclose", ends=False)
class Separate(Asked):
    pass


@async_kind("closable async iterable whose iterator has aclose", ends=False)
class ClosableSeparate(Closing, Separate):
    closes = "aclose of the body"


@async_kind("closable async iterable whose iterator refuses to close", ends=False)
class RefusingSeparate(ClosableSeparate):
    def iterator(self):
        return Refusing(self.world)


@async_kind("closable async iterable whose iterator has a sync close", ends=False)
class MixedSeparate(ClosableSeparate):
    def iterator(self):
        return SyncClose(self.world)


@async_kind("async iterable whose iterator is an async generator", sends=True)
class Generating(Asked):
    def iterator(self):
        return slowly_cleaning(self.world)


@async_kind("closable async iterable whose iterator is an async generator", sends=True)
class ClosableGenerating(Closing, Generating):
    closes = "aclose of the body"


@async_kind("sync-closable async iterable whose iterator is an async generator", sends=True)
class SyncClosableGenerating(Generating):
    def close(self):
        self.world.note("sync close")


@async_kind("async iterable whose iterator has only __anext__", ends=False)
class OnlyNext(Asked):
    def iterator(self):
        return Cursor(self.world)


class Cursor:
    """What an `async for` loop takes, though it has no `__aiter__`."""

    def __init__(self, world):
        self.rows = Rows(world)

    def __anext__(self):
        return anext(self.rows)


@async_kind("async iterable that cannot be asked", ends=False, fails=False, goes_on=False)
class Unaskable(Asked):
    def iterator(self):
        return self.world.refuse("iterator")


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


# Queues.


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


# Begun before they are given to a stream.


@async_kind("begun async generator", taken=1, begun=True, sends=True)
async def begun(world):
    return (await begin(cleaning(world)))[1]


@async_kind("begun async generator that holds a token", taken=1, begun=True, sends=True)
async def begun_holding(world):
    return (await begin(holding(world)))[1]


@async_kind("async generator that was given a begun one", begun=True, sends=True)
async def begun_rest(world):
    async def rest(first, body):
        yield first
        async for chunk in body:
            yield chunk

    return rest(*await begin(holding(world)))


@async_kind("async generator that closes over a begun one", begun=True, sends=True)
async def begun_closure(world):
    first, body = await begin(holding(world))

    async def rest():
        yield first
        async for chunk in body:
            yield chunk

    return rest()


@async_kind("async generator expression over a begun one", taken=1, begun=True, sends=True)
async def begun_expression(world):
    _, body = await begin(holding(world))
    return (chunk async for chunk in body)


@async_kind(
    "begun async generator that holds a task group", holds=True, taken=1, begun=True, sends=True
)
async def begun_group(world):
    async def rows():
        async with asyncio.TaskGroup():
            async for chunk in chunks(world):
                yield chunk

    return (await begin(rows()))[1]
