"""Kinds of bodies that were entered, in their caller's Context, before a stream gets them."""

from __future__ import annotations

import asyncio
import itertools

from differential import async_generators as agens
from differential.generators import chunks, cleaning, holding
from differential.kinds import async_kind, kind
from differential.objects import Rows
from differential.world import CHUNKS


def begin(body):
    """Take the first chunk, as a view does that wants to see an early error."""
    return next(body), body


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


async def abegin(body):
    """The same for an async body."""
    return await anext(body), body


@async_kind("begun async generator", taken=1, begun=True, sends=True)
async def abegun(world):
    return (await abegin(agens.cleaning(world)))[1]


@async_kind("begun async generator that holds a token", taken=1, begun=True, sends=True)
async def abegun_holding(world):
    return (await abegin(agens.holding(world)))[1]


@async_kind("async generator that was given a begun one", begun=True, sends=True)
async def abegun_rest(world):
    async def rest(first, body):
        yield first
        async for chunk in body:
            yield chunk

    return rest(*await abegin(agens.holding(world)))


@async_kind("async generator that closes over a begun one", begun=True, sends=True)
async def abegun_closure(world):
    first, body = await abegin(agens.holding(world))

    async def rest():
        yield first
        async for chunk in body:
            yield chunk

    return rest()


@async_kind("async generator expression over a begun one", taken=1, begun=True, sends=True)
async def abegun_expression(world):
    _, body = await abegin(agens.holding(world))
    return (chunk async for chunk in body)


@async_kind(
    "begun async generator that holds a task group", holds=True, taken=1, begun=True, sends=True
)
async def abegun_group(world):
    async def rows():
        async with asyncio.TaskGroup():
            async for chunk in agens.chunks(world):
                yield chunk

    return (await abegin(rows()))[1]
