"""The bodies that the sites of the real servers stream, each a sync one and an async one."""

from __future__ import annotations

import asyncio
import time

import streaminstr
from server_record import bound, current_paths
from streaminstr import current_stream

MIB = 1024 * 1024
FILE_SIZE = 4 * MIB
PAUSE = 0.02
"""Seconds from one chunk of a drip to the next."""
BLOCKED = 1.0
"""Seconds for which the blocked producer does nothing."""
GRACE = 0.3
"""Seconds that open streams have once a body has begun a drain."""
FAREWELL = "event: bye\n\n"
EVENT, PING = b"data: 1\n\n", b": ping\n\n"


def drips(number, pause=PAUSE):
    for _ in range(number):
        yield b"drip\n"
        time.sleep(pause)


async def adrips(number, pause=PAUSE):
    for _ in range(number):
        yield b"drip\n"
        await asyncio.sleep(pause)


def fails():
    yield from drips(2)
    message = "as the test wants it"
    raise ValueError(message)


async def afails():
    async for chunk in adrips(2):
        yield chunk
    message = "as the test wants it"
    raise ValueError(message)


def blocks():
    yield b"first\n"
    time.sleep(BLOCKED)
    yield from drips(300)


async def ablocks():
    yield b"first\n"
    await asyncio.sleep(BLOCKED)
    async for chunk in adrips(300):
        yield chunk


def big():
    for _ in range(24):
        yield b"x" * MIB


async def abig():
    for chunk in big():
        yield chunk
        await asyncio.sleep(0)


def polite():
    yield b"first\n"
    while not current_stream().stopping:
        yield b"drip\n"
        time.sleep(PAUSE)
    yield b"last\n"


async def apolite():
    yield b"first\n"
    while not current_stream().stopping:
        yield b"drip\n"
        await asyncio.sleep(PAUSE)
    yield b"last\n"


def endless():
    yield from drips(100_000)


async def aendless():
    async for chunk in adrips(100_000):
        yield chunk


def isolated():
    """What is current in each step: this stream, and nothing of another one."""
    path = path_here()
    bound.set(path)
    for _ in range(10):
        yield f"current {' '.join(current_paths())}\n".encode()


def logs():
    for number in range(3):
        current_stream().logger.info("at work", path=path_here(), number=number)
        yield b"drip\n"


def pings():
    yield from (PING, EVENT, PING, EVENT)


def says():
    """It says that it has failed, and goes on to its end."""
    yield b"drip\n"
    current_stream().fail("the model has refused", error_type="refusal")
    yield b"drip\n"


def is_open():
    """It finds itself among the open streams, and closes itself there."""
    yield b"first\n"
    mine = current_stream().id
    for row in streaminstr.open_streams():
        if row.id == mine:
            yield f"open {row.route} {row.chunks} {row.turn}\n".encode()
    streaminstr.close_stream(mine, reason="as the test wants it")
    yield from [b"drip\n"] * 300


def drains():
    """It begins a drain, sees that, and does not care."""
    yield EVENT
    streaminstr.drain(GRACE)
    yield b"data: stopping\n\n" if current_stream().stopping else EVENT
    yield from [EVENT] * 300


def path_here():
    return current_stream().info.attributes["url.path"]


def paced(chunks):
    for chunk in chunks:
        yield chunk
        time.sleep(PAUSE)


async def apaced(chunks):
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(PAUSE)


def both(body):
    """A sync body and an async one, of a generator function that does not wait."""
    return lambda: paced(body()), lambda: apaced(body())


BODIES = {
    "polite": (polite, apolite),
    "endless": (endless, aendless),
    "full": (lambda: drips(5), lambda: adrips(5)),
    "drip": (lambda: drips(300), lambda: adrips(300)),
    "short": (lambda: drips(3, 0.1), lambda: adrips(3, 0.1)),
    "fails": (fails, afails),
    "blocks": (blocks, ablocks),
    "big": (big, abig),
    "dropped": (lambda: drips(5), lambda: adrips(5)),
    "events": (lambda: drips(10, 3), lambda: adrips(10, 3)),
    "isolated": both(isolated),
    "logs": both(logs),
    "pings": both(pings),
    "says": both(says),
    "open": both(is_open),
    "drains": both(drains),
    "ticks": both(lambda: [EVENT] * 300),
}
"""By name: a sync body and an async one that do the same."""
EVENTS = {"pings", "drains", "ticks"}
"""Those that are event streams."""
