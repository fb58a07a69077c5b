"""Kinds of sync bodies: what Python and its standard library have."""

from __future__ import annotations

import csv
import io
import itertools
import sqlite3
import tempfile
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

from differential.generators import cleaning
from differential.kinds import kind
from differential.world import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Callable

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
