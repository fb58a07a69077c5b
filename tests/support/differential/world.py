"""What a body of the differential tests lives in: what its chunks do, and what is noted of it."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from types import coroutine

import asgiref.sync  # noqa: F401 - as wherever Django is: the library looks for it
from asgiref.local import Local

from streaminstr import current_stream

CHUNKS = 3
"""How many chunks a body has."""

requested: ContextVar[str] = ContextVar("requested", default="nothing")
"""Bound by the request, before the stream is made."""
own: ContextVar[str] = ContextVar("own", default="nothing")
"""Bound by bodies."""
local = Local()
"""As Django keeps its language: `requested` is set by the request, `own` by bodies."""


class World:
    """One run of one program. The chunk `fail_at` raises `error`, once; `wait_at` waits, once.

    An async body pauses before each chunk, `pauses` being in seconds of a clock that jumps.
    """

    def __init__(self, *, fail_at=None, error=None, wait_at=None, pauses=None):
        self.fail_at, self.error, self.wait_at, self.pauses = fail_at, error, wait_at, pauses
        self.notes = []
        """What the body did and what it saw, in order."""
        self.seen_streams = []
        """The name of the current stream at each note."""
        self.asked = 0
        """How often `__iter__` or `__aiter__` was called."""
        self.errors = [error]
        """Exceptions that are known by their identity."""
        self.waits = asyncio.Event()

    def note(self, what):
        seen = (getattr(local, "requested", "nothing"), getattr(local, "own", "nothing"))
        self.notes.append((what, requested.get(), own.get(), *seen))
        stream = current_stream()
        self.seen_streams.append(stream.info.name if stream else None)

    def ask(self):
        self.asked += 1

    def chunk(self, number):
        self.note(number)
        if number == self.fail_at:
            self.fail_at = None
            raise self.error
        return b"%d" % number

    async def turn(self, number):
        """What an async body awaits before its chunk `number`."""
        if self.waits_at(number):
            await asyncio.Event().wait()
        elif self.pauses is not None:
            await asyncio.sleep(self.pauses[number])
        else:
            await switch()

    async def pause(self):
        await switch()

    def waits_at(self, number):
        """Whether the body waits now for what never comes."""
        if number != self.wait_at:
            return False
        self.wait_at = None
        self.waits.set()
        return True

    def refuse(self, what):
        """Raise an exception of a clean-up."""
        error = OSError(what)
        self.errors.append(error)
        raise error


@coroutine
def switch():
    """Give the turn to an event loop of asyncio, or to a test that drives by hand."""
    yield


def bind(name):
    """Bind what requests bind, in the current Context."""
    requested.set(name)
    local.requested = name


def bindings(context):
    """What `context` holds, by the names of the variables."""
    return {variable.name: plain_text(value) for variable, value in context.items()}


def told(world, error):
    """An exception as it can be compared between two runs. Lets go of its traceback."""
    if isinstance(error, StopIteration):
        result = ("stopped", error.value)
    elif isinstance(error, StopAsyncIteration):
        result = ("stopped", None)
    else:
        known = [number for number, one in enumerate(world.errors) if one is error]
        around = [
            type(one).__name__ for one in (error.__cause__, error.__context__) if known and one
        ]
        result = ("raised", type(error).__name__, plain_text(error.args), known, around)
        if isinstance(error, BaseExceptionGroup):
            result += (sorted({type(one).__name__ for one in leaves(error)}),)
    while error is not None:
        error.__traceback__, error = None, error.__context__
    return result


def leaves(error):
    """What a group of exceptions consists of."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for one in error.exceptions for leaf in leaves(one)]


def plain_text(value):
    """The text of a value without addresses and numbers of threads."""
    return re.sub(r"0x[0-9a-f]+|\d{6,}", "...", repr(value))
