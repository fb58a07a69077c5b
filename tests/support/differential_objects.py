"""Kinds of sync bodies: iterator objects and their closers, and bodies that were begun before."""

from __future__ import annotations

import itertools

from differential_kinds import (
    CHUNKS,
    Rows,
    begin,
    chunks,
    cleaning,
    holding,
    kind,
)


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


# Begun before they are given to a stream.


@kind("begun generator", taken=1, begun=True, sends=True)
def begun(world):
    return begin(cleaning(world))[1]


@kind("begun generator that holds a token", taken=1, begun=True, sends=True)
def begun_holding(world):
    return begin(holding(world))[1]


@kind("chain over a begun generator", begun=True, ends=None)
def begun_chain(world):
    first, body = begin(holding(world))
    return itertools.chain([first], body)


@kind("map over a begun generator", taken=1, begun=True, ends=None)
def begun_map(world):
    return map(bytes.upper, begin(holding(world))[1])


@kind("islice over a begun generator", taken=1, begun=True, ends=None)
def begun_slice(world):
    return itertools.islice(begin(holding(world))[1], CHUNKS)


@kind("enumerate over a begun generator", taken=1, begun=True, ends=None)
def begun_numbers(world):
    return enumerate(begin(holding(world))[1])


@kind("zip over a begun generator", taken=1, begun=True, ends=None)
def begun_zip(world):
    return zip(begin(holding(world))[1], itertools.count(), strict=False)


@kind("map over chain over a begun generator", begun=True, ends=None)
def begun_deep(world):
    first, body = begin(holding(world))
    return map(bytes.upper, itertools.chain([first], body))


@kind("generator expression over a begun generator", taken=1, begun=True, sends=True)
def begun_expression(world):
    body = begin(holding(world))[1]
    return (chunk for chunk in body)


@kind("generator that was given a begun one", begun=True, sends=True)
def begun_rest(world):
    def rest(first, body):
        yield first
        yield from body

    return rest(*begin(holding(world)))


@kind("generator that closes over a begun one", begun=True, sends=True)
def begun_closure(world):
    first, body = begin(holding(world))

    def rest():
        yield first
        yield from body

    return rest()


@kind("begun iterator object", taken=1, ends=False)
def begun_rows(world):
    body = Rows(world)
    next(body)
    return body


@kind("chain over a fresh and a finished generator", ends=None)
def finished(world):
    done = chunks(type(world)())
    list(done)
    return itertools.chain(done, cleaning(world))
