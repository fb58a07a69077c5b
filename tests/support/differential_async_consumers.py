"""Consumers of async bodies: each drives a source, which is a plain body or a stream."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from types import AsyncGeneratorType

from core_fakes import in_thread
from differential_world import told

PATIENCE = 2
"""Seconds that a heartbeat loop waits for a chunk."""


class PlainSource:
    """A body as a program uses it without us, in the task of its request.

    Its owner closes it as docs/explanation has it: the iterator where it is another object, then
    the body, each by `aclose` where it has one and by `close` where it has not.
    """

    def __init__(self, body, record):
        self.body, self.record = body, record
        self.taken, self.closed = None, False

    def __aiter__(self):
        self.taken = aiter(self.body)
        return self.taken

    async def aclose(self):
        parts = [] if self.closed else [self.body]
        self.closed = True
        if parts and self.taken is not None and self.taken is not self.body:
            parts.append(self.taken)
        async with contextlib.AsyncExitStack() as stack:
            for part in parts:
                stack.push_async_callback(close, part)

    async def close(self):
        """Close it for a stream that does so where no consumer sees it."""
        try:
            await self.aclose()
        except Exception as error:  # noqa: BLE001 - a loop would say it
            self.record.noise.add(type(error).__name__)

    async def forget(self):
        """Do what a stream that is dropped while it is open does: close what needs a call."""
        if not isinstance(self.body, AsyncGeneratorType):
            await self.close()


async def close(part):
    closer = getattr(part, "aclose", None) or getattr(part, "close", None)
    closing = closer and closer()
    if inspect.isawaitable(closing):
        await closing


class StreamSource:
    """The same body as a stream."""

    def __init__(self, stream):
        self.stream, self.aclose = stream, stream.aclose

    def __aiter__(self):
        return self.stream

    async def close(self):
        self.stream.close()

    async def close_in_a_thread(self):
        in_thread(self.stream.close)

    async def forget(self):
        """Nothing: the stream itself sees that it is dropped."""


class Next:
    """Awaits `anext`, in the task of the consumer or where `hop` runs it."""

    only_ends = wraps = finishes = sends = closes = False
    throws = modelled = True
    cuts = False
    """Whether it cuts a step that takes too long."""
    hops = False
    """Whether each step has a task of its own."""

    def __init__(self, world, source, context):
        self.world, self.source, self.context = world, source, context
        self.stepped = None

    def make(self):
        return aiter(self.source)

    def iterator(self):
        if self.stepped is None:
            self.stepped = self.make()
        return self.stepped

    async def one(self):
        return await anext(self.iterator())

    async def here(self, function, *arguments):
        return await function(*arguments)

    async def steps(self, count):
        """The results of `count` steps, or of all until one is no chunk."""
        results = []
        while len(results) < count and (not results or self.goes_on(results[-1])):
            results.append(await self.attempt(self.one))
        return results

    def goes_on(self, result):
        return result[0] == "chunk" or (self.cuts and result[1] == "TimeoutError")

    async def attempt(self, function, *arguments):
        try:
            return "chunk", await self.here(function, *arguments)
        except BaseException as error:  # noqa: BLE001 - it is compared
            return told(self.world, error)

    async def throw(self, *error):
        return await self.iterator().athrow(*error)

    async def aclose(self):
        await self.source.aclose()

    async def drop(self, *, forget):
        """Drop all that is held; `forget` is whether a plain body is closed as a stream would."""
        self.stepped = None
        if forget:
            await self.source.forget()
        vars(self).clear()


class NextWithDefault(Next):
    async def one(self):
        chunk = await anext(self.iterator(), None)
        if chunk is None:
            raise StopAsyncIteration
        return chunk


class Send(Next):
    sends = True

    async def one(self):
        sent = None if self.stepped is None else "sent"
        return await self.iterator().asend(sent)


class For(Next):
    """A loop that is left by `break`."""

    only_ends, throws = True, False

    async def steps(self, count):
        return await self.loop(count, []) if count else []

    async def loop(self, count, results):
        try:
            async for chunk in self.source:
                results.append(("chunk", chunk))
                if len(results) == count:
                    return results
        except BaseException as error:  # noqa: BLE001 - it is compared
            return [*results, told(self.world, error)]
        return [*results, ("stopped", None)]


class Delegate(Next):
    """An async generator round the body; its close is the first part of the owner's."""

    wraps = finishes = True

    def make(self):
        return delegate(self.source)

    async def aclose(self):
        try:
            await self.iterator().aclose()
        finally:
            await self.source.aclose()


async def delegate(iterable):
    async for chunk in iterable:
        yield chunk


class Tasks(Next):
    """Takes each step in a new task, as `asyncio.gather` or a server's workers would."""

    hops = True

    async def here(self, function, *arguments):
        return await self.task(function, *arguments)

    def task(self, function, *arguments):
        made = function(*arguments)
        return asyncio.get_running_loop().create_task(made, context=self.context)


class WaitFor(Tasks):
    """The heartbeat loop of half the SSE servers."""

    cuts = True

    async def here(self, function, *arguments):
        return await asyncio.wait_for(self.task(function, *arguments), PATIENCE)


class Timeout(Next):
    """The same, in the consumer's own task."""

    cuts = True

    async def one(self):
        async with asyncio.timeout(PATIENCE):
            return await super().one()


class Manager(Next):
    """`contextlib.asynccontextmanager`: one step to enter, one to leave."""

    wraps = sends = True
    modelled = False

    def make(self):
        return contextlib.asynccontextmanager(self.source.__aiter__)()

    async def one(self):
        if self.stepped is None:
            return await self.iterator().__aenter__()
        left = await self.stepped.__aexit__(None, None, None)
        raise StopAsyncIteration(left)

    async def throw(self, error, *more):
        raised = error() if isinstance(error, type) else error
        return await self.iterator().__aexit__(type(raised), raised, None)


ASYNC_CONSUMERS = {
    "async for": For,
    "anext": Next,
    "anext with a default": NextWithDefault,
    "asend": Send,
    "delegation": Delegate,
    "tasks": Tasks,
    "wait_for": WaitFor,
    "timeout": Timeout,
    "async context manager": Manager,
}
