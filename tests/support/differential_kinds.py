"""Kinds of sync bodies, each made for one `World`. The async ones are in files of their own."""

from __future__ import annotations

import csv
import io
import itertools
import queue
import sqlite3
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

from differential_world import CHUNKS, local, own
from streaminstr import current_stream

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of body, and what the tests have to know of it."""

    name: str
    make: Callable[[Any], Any]
    begun: bool = False
    """It was entered before it is given to a stream: it belongs to its caller's Context."""
    ends: bool | None = True
    """Whether an exception finishes it; None: a part of it only."""
    fails: bool = True
    """Whether its chunks are asked of the world, which may raise."""
    sends: bool = False
    """Whether its iterator has `send` and `throw`."""
    may: str | None = None
    """A note of which it is not laid down whether it is taken."""
    not_by: str = ""
    """The consumer that Python itself cannot use it with."""
    taken: int = 0
    """How many of its chunks were taken before and are gone."""
    holds: bool = False
    """Whether it holds a group of tasks, which must be left in the task that has entered it."""
    tasks: bool = False
    """Whether its steps are tasks of their own."""
    goes_on: bool = True
    """Whether it may be stepped once more after its end."""
    moves: bool = True
    """Whether it may be stepped in another thread or another task."""

    def __repr__(self):
        return self.name


KINDS: dict[str, Kind] = {}
"""By their names."""


def kind(name, *, into=KINDS, **facts):
    """Register what makes a kind of body."""

    def register(make):
        into[name] = Kind(name=name, make=make, **facts)
        return make

    return register


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


def begin(body):
    """Take the first chunk, as a view does that wants to see an early error."""
    return next(body), body


# Generators.


@kind("generator", sends=True)
def chunks(world):
    for number in range(CHUNKS):
        yield world.chunk(number)


@kind("generator with a return value", sends=True)
def returning(world):
    yield from chunks(world)
    return {"usage": CHUNKS}


@kind("generator with a clean-up", sends=True)
def cleaning(world):
    try:
        yield from chunks(world)
    finally:
        world.note("clean-up")


@kind("generator in generators", sends=True)
def nested(world):
    try:
        result = yield from cleaning(world)
        world.note(f"inner returned {result}")
    except GeneratorExit:
        world.note("outer was closed")
        raise


@kind("generator that holds a token", sends=True)
def holding(world):
    token = own.set("held")
    try:
        yield from chunks(world)
    finally:
        world.note("clean-up")
        own.reset(token)


@kind("generator that catches its close", sends=True)
def catching(world):
    try:
        yield from chunks(world)
    except GeneratorExit:
        world.note("closed")


@kind("generator that yields after its close", sends=True)
def stubborn(world):
    try:
        yield from chunks(world)
    except GeneratorExit:
        world.note("closed")
        yield b"more"


@kind("generator whose clean-up raises", sends=True)
def failing_clean_up(world):
    try:
        yield from chunks(world)
    finally:
        world.note("clean-up")
        world.refuse("clean-up")


@kind("generator that is sent values", sends=True)
def echo(world):
    sent = None
    for number in range(CHUNKS):
        try:
            sent = yield world.chunk(number), sent
        except KeyError as error:
            sent = f"caught {error.args}"
    return sent


@kind("generator that binds", sends=True)
def binding(world):
    for chunk in chunks(world):
        own.set(f"by chunk {chunk}")
        local.own = f"by chunk {chunk}"
        world.note("bound")
        yield chunk


@kind("generator that asks for its stream", sends=True)
def asking(world):
    for chunk in chunks(world):
        stream = current_stream()
        if stream:
            stream.set_attribute("shop.chunk", chunk.decode())
            stream.logger.debug("chunk")
        yield chunk


@kind("generator expression", sends=True)
def expression(world):
    return (world.chunk(number) for number in range(CHUNKS))


# Iterators of the standard library over generators.


@kind("map", ends=None)
def mapped(world):
    return map(bytes.upper, cleaning(world))


@kind("map of a function", ends=False)
def mapped_function(world):
    return map(world.chunk, range(CHUNKS))


@kind("chain", ends=None)
def chained(world):
    return itertools.chain([b"head"], cleaning(world))


@kind("islice", ends=None)
def sliced(world):
    return itertools.islice(cleaning(world), CHUNKS - 1)


@kind("enumerate", ends=None)
def numbered(world):
    return enumerate(cleaning(world))


@kind("zip", ends=None)
def zipped(world):
    return zip(cleaning(world), itertools.count(), strict=False)


@kind("filter", ends=None)
def filtered(world):
    return filter(None, cleaning(world))


@kind("csv reader over a generator", ends=None)
def parsed(world):
    return csv.reader(chunk.decode() for chunk in cleaning(world))


@kind("callable with a sentinel", ends=False)
def called(world):
    numbers = itertools.count()
    return iter(
        lambda: CHUNKS if (number := next(numbers)) == CHUNKS else world.chunk(number), CHUNKS
    )


# What holds its chunks already.

KEPT: dict[str, Callable[[], Any]] = {
    "list": lambda: [b"a", b"b", b"c"],
    "tuple": lambda: (b"a", b"b", b"c"),
    "list iterator": lambda: iter([b"a", b"b", b"c"]),
    "text": lambda: "aä€",
    "bytes": lambda: b"abc",
    "dict": lambda: {"a": 1, "b": 2, "c": 3},
    "dict view": {"a": b"1", "b": b"2", "c": b"3"}.values,
    "range": lambda: range(CHUNKS),
    "memory file": lambda: io.BytesIO(b"a\nb\nc\n"),
    "text file": lambda: io.StringIO("a\nb\nc\n"),
    "file": lambda: filled(tempfile.TemporaryFile()),
    "file wrapper": lambda: FileWrapper(io.BytesIO(b"aabbcc"), 2),
}


def filled(file):
    file.write(b"a\nb\nc\n")
    file.seek(0)
    return file


for name, make in KEPT.items():
    kind(name, ends=False, fails=False)(lambda world, make=make: make())


@kind("database cursor", ends=False, fails=False, moves=False)
def cursor(world):
    return sqlite3.connect(":memory:").execute("values (1), (2), (3)")


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
