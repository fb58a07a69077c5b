"""The clients of the live demo: each comes again when its stream has ended."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass

from streaminstr.demo.servers import HOST

_BUFFER = 32_768
"""Bytes that a client and its socket hold: a server soon notices one that is slow."""
_AGAIN = 2.0
"""Seconds after which a client comes again."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stream: which server has it, where, how many clients, and how they read."""

    what: str
    server: str
    path: str
    clients: int = 1
    pause: float = 0.0
    """Seconds between two reads."""


KINDS = (
    Kind("healthy: an event each half second", "asgi", "/orders/{number}/feed/", clients=3),
    Kind("slow client: it takes less than there is", "wsgi", "/export/", clients=2, pause=0.1),
    Kind("stalled upstream: the model stops answering", "asgi", "/chat/", clients=2),
    Kind("endless: prices, and pings between", "asgi", "/prices/", clients=2),
    Kind("failing: a row that cannot be made", "wsgi", "/report/"),
)


async def keep_going(ports: dict[str, int]) -> None:
    """Read all streams until cancelled; `ports` by server."""
    async with asyncio.TaskGroup() as group:
        for kind in KINDS:
            for number in range(1, kind.clients + 1):
                address = kind.path.format(number=number)
                group.create_task(_come_again(ports[kind.server], address, kind.pause))


async def _come_again(port: int, address: str, pause: float) -> None:
    while True:
        with suppress(OSError):  # how a client sees that a stream broke, or was closed
            await _visit(port, address, pause)
        await asyncio.sleep(_AGAIN)


async def _visit(port: int, address: str, pause: float) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (HOST, port))
    reader, writer = await asyncio.open_connection(sock=client, limit=_BUFFER)
    try:
        writer.write(f"GET {address} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        while await reader.read(_BUFFER):  # noqa: ASYNC110 - this is how a slow client reads
            await asyncio.sleep(pause)
    finally:
        writer.close()
