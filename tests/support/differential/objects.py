"""Kinds of sync bodies: iterator objects with their closers."""

from __future__ import annotations

import queue

from differential.generators import cleaning
from differential.kinds import kind
from differential.world import CHUNKS


class Rows:
    """An iterator object that may be asked again after it has raised."""

    def __init__(self, world):
        self.world, self.number = world, 0

    def __iter__(self):
        self.world.ask()
        return self

    def __next__(self):
        if self.number == CHUNKS:
            raise StopIteration
        chunk = self.world.chunk(self.number)
        self.number += 1
        return chunk


class Asked:
    """An iterable that is no iterator; a subclass says what its iterator is."""

    def __init__(self, world):
        self.world = world

    def iterator(self):
        return Rows(self.world)

    def __iter__(self):
        self.world.ask()
        return self.iterator()


class Closing:
    """A mixin: has `close`."""

    closes = "close"

    def close(self):
        self.world.note(self.closes)


class Closed(Closing, Rows):
    pass


kind("iterator object", ends=False)(Rows)
kind("iterator with close", ends=False)(Closed)


@kind("iterator whose close raises", ends=False)
class Refusing(Rows):
    def close(self):
        self.world.note("close")
        self.world.refuse("close")


@kind("iterator with close and aclose", ends=False)
class Both(Closed):
    async def aclose(self):
        self.world.note("aclose")  # pragma: no cover - nothing awaits on the sync side


@kind("iterator that iterates both ways", ends=False)
class Dual(Both):
    def __aiter__(self):
        raise AssertionError  # pragma: no cover - a sync body, as Django takes it


class Cursor:
    """What a `for` loop takes, though it has no `__iter__`."""

    def __init__(self, world):
        self.rows = Rows(world)

    def __next__(self):
        return next(self.rows)


@kind("iterable whose iterator has only __next__", ends=False, not_by="Tee")
class OnlyNext(Asked):
    def iterator(self):
        return Cursor(self.world)


@kind("iterable whose iterator is a generator", sends=True)
class Generating(Asked):
    def iterator(self):
        return cleaning(self.world)


@kind("closable iterable whose iterator is a generator", sends=True)
class ClosableGenerating(Closing, Generating):
    closes = "close of the body"


class ClosedIterator(Closed):
    closes = "close of the iterator"  # PEP 3333 knows the body's alone, `yield from` this one


@kind("iterable whose iterator has close", ends=False, may=ClosedIterator.closes)
class Separate(Asked):
    def iterator(self):
        return ClosedIterator(self.world)


@kind("closable iterable whose iterator has close", ends=False, may=ClosedIterator.closes)
class ClosableSeparate(Closing, Separate):
    closes = "close of the body"


@kind("iterable whose iterator is a map", ends=None)
class Mapping(Asked):
    def iterator(self):
        return map(bytes.upper, cleaning(self.world))


@kind("iterable that cannot be asked", ends=False, fails=False, goes_on=False)
class Unaskable(Asked):
    def iterator(self):
        return self.world.refuse("iterator")


@kind("sequence by index", ends=False)
def sequence(world):
    class Sequence:
        def __getitem__(self, index):
            if index == CHUNKS:
                raise IndexError
            return world.chunk(index)

    return Sequence()


@kind("queue reader", ends=False)
def reader(world):
    class Reader(Rows):
        waiting = queue.SimpleQueue()

        def __next__(self):
            self.waiting.put(self.number)
            if self.waiting.get_nowait() == CHUNKS:
                raise StopIteration
            return super().__next__()

    return Reader(world)
