"""Consumers of async bodies: each drives a source, which is a plain body or a stream."""

from __future__ import annotations

import asyncio
import contextlib

from differential.world import told

PATIENCE = 2
"""Seconds that a heartbeat loop waits for a chunk."""


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
    throws = False

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
