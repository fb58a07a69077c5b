"""Every kind of body that a response can be given, by how it is iterated and how it is closed."""

import asyncio
from itertools import product

from streaminstr import current_stream

CLOSERS = ("none", "close", "aclose", "both", "async close")
"""What an object has: no way to be closed, or these methods. `both`: close and aclose."""
WAYS = ("iterator", "generator", "object")
"""What iterating an object gives: itself, a generator, or an iterator object of another class."""


class Log:
    """What was closed, in order, and whether that was inside of a stream."""

    def __init__(self):
        self.closed = []
        self.outside = []

    def note(self, what):
        self.closed.append(what)
        if not current_stream():
            self.outside.append(what)


def closers(has, name, log):
    """Methods that close, for a class."""

    def close(self):
        log.note(f"{name}.close")

    async def aclose(self):
        await asyncio.sleep(0)
        log.note(f"{name}.aclose")

    async def async_close(self):
        await asyncio.sleep(0)
        log.note(f"{name}.close")

    return {
        "none": {},
        "close": {"close": close},
        "aclose": {"aclose": aclose},
        "both": {"close": close, "aclose": aclose},
        "async close": {"close": async_close},
    }[has]


CHUNKS = (b"a", b"b", b"c")


def sync_steps():
    """`__iter__` and `__next__` of an iterator object."""
    chunks = iter(CHUNKS)
    return {"__iter__": lambda self: self, "__next__": lambda self: next(chunks)}


def async_steps(hold):
    """The same for an async one. Its last chunk does not come while `hold` is set."""
    chunks = iter(CHUNKS)

    async def anext_(self):
        await asyncio.sleep(0)
        chunk = next(chunks, None)
        if chunk is None:
            raise StopAsyncIteration
        if chunk == CHUNKS[-1] and hold:
            await asyncio.Event().wait()
        return chunk

    return {"__aiter__": lambda self: self, "__anext__": anext_}


def generator(log):
    def steps(self):
        try:
            yield from CHUNKS
        finally:
            log.note("generator")

    return {"__iter__": steps}


def async_generator(log, hold):
    async def steps(self):
        try:
            for chunk in CHUNKS:
                await asyncio.sleep(0)
                if chunk == CHUNKS[-1] and hold:
                    await asyncio.Event().wait()
                yield chunk
        finally:
            log.note("generator")

    return {"__aiter__": steps}


class Kind:
    """One kind of body: async or not, what iterating gives, how both are closed."""

    def __init__(self, way, body, iterator="none", *, is_async=False):
        self.way, self.body, self.iterator, self.is_async = way, body, iterator, is_async

    def __str__(self):
        mode = "async" if self.is_async else "sync"
        inner = f" with {self.iterator}" if self.way == "object" else ""
        return f"{mode} {self.way}{inner}, body with {self.body}"

    def make(self, log, *, hold=False):
        """A new body; with `hold` it waits before its last chunk."""
        own = closers(self.body, "body", log)
        if self.way == "iterator":
            steps = async_steps(hold) if self.is_async else sync_steps()
        elif self.way == "generator":
            steps = async_generator(log, hold) if self.is_async else generator(log)
        else:
            steps = self.other(log, hold)
        return type("Body", (), {**steps, **own})()

    def other(self, log, hold):
        steps = async_steps(hold) if self.is_async else sync_steps()
        kind = type("Iterator", (), {**steps, **closers(self.iterator, "iterator", log)})
        name = "__aiter__" if self.is_async else "__iter__"
        return {name: lambda self: kind()}


def kinds(*, is_async):
    for way, body in product(WAYS, CLOSERS):
        if way != "object":
            yield Kind(way, body, is_async=is_async)
    for body, iterator in product(CLOSERS, CLOSERS):
        yield Kind("object", body, iterator, is_async=is_async)
