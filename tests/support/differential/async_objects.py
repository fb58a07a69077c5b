"""Kinds of async bodies: iterator objects with their closers."""

from __future__ import annotations

from differential.async_generators import slowly_cleaning
from differential.kinds import async_kind
from differential.world import CHUNKS, switch


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


@async_kind("closable async iterable whose iterator has a sync close", ends=False, may="sync close")
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
