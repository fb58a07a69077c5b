"""Clients that read event streams as an EventSource does, and remember what they got."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

FIRST_RETRY = 0.05
"""Seconds to the first reconnection, until the server says otherwise."""


@dataclass
class Connection:
    """One request of a client. Its path is its own, so that the server's record tells it apart."""

    path: str
    first: int
    """The number of the first event that it has to bring."""
    ids: list[int] = field(default_factory=list)
    status: int | None = None
    """None: the connection was refused, or went before the answer came."""
    is_whole: bool = False
    """Whether the end of the response has come, and not only that of the connection."""


class EventSource:
    """Reconnects whenever its stream ends, `retry:` later, with the last id that it got."""

    def __init__(self, address, path):
        self._address = address
        self._path = path
        self._retry = FIRST_RETRY
        self.connections = []
        self.last = 0
        self.has_given_up = False
        self.has_news = asyncio.Event()

    async def run(self):
        """Until it is cancelled: then the client leaves."""
        while True:
            path = f"{self._path}/{len(self.connections)}"
            self.connections.append(Connection(path, self.last + 1))
            with contextlib.suppress(ConnectionError):
                await self._visit(self.connections[-1])
            if self.connections[-1].status not in {None, 200}:
                self.has_given_up = True  # as an EventSource does
                self.has_news.set()
                return
            await asyncio.sleep(self._retry)

    async def _visit(self, connection):
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(_request(connection.path, self.last))
            head = await _until(reader, b"\r\n\r\n")
            if not head:
                return
            connection.status = int(head.split()[1])
            events = _Events(is_chunked=b"transfer-encoding: chunked" in head.lower())
            while not events.is_over and (data := await reader.read(1 << 16)):
                for event in events.of(data):
                    self._hear(connection, event)
            connection.is_whole = events.is_over or not events.is_chunked
        finally:
            writer.close()

    def _hear(self, connection, event):
        """An event is heard when its blank line has come: half of one is none."""
        for line in event.splitlines():
            name, _, value = line.partition(": ")
            if name == "retry":
                self._retry = int(value) / 1000
            elif name == "id":
                self.last = int(value)
                connection.ids.append(self.last)
                self.has_news.set()

    async def news(self):
        """Wait for another event; one that has given up waits for none."""
        if self.has_given_up:
            return
        self.has_news.clear()
        await self.has_news.wait()

    async def is_moved(self):
        """Wait for an event by a second connection."""
        while not self.has_given_up and sum(bool(one.ids) for one in self.connections) < 2:
            await self.news()


class _Events:
    """Splits the body of a response into events, whatever pieces it comes in."""

    def __init__(self, *, is_chunked):
        self.is_chunked = is_chunked
        self.is_over = False
        self._raw = b""
        self._text = ""

    def of(self, data):
        self._text += (self._unchunked(data) if self.is_chunked else data).decode()
        *events, self._text = self._text.split("\n\n")
        return events

    def _unchunked(self, data):
        self._raw += data
        whole = b""
        while True:
            size, found, rest = self._raw.partition(b"\r\n")
            end = int(size, 16) if found else 0
            if not found or len(rest) < end + 2:
                return whole
            self.is_over = end == 0
            whole += rest[:end]
            self._raw = rest[end + 2 :]


def _request(path, last):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept: text/event-stream"]
    if last:
        lines.append(f"Last-Event-ID: {last}")
    return "\r\n".join([*lines, "", ""]).encode()


async def _until(reader, end):
    with contextlib.suppress(asyncio.IncompleteReadError):
        return await reader.readuntil(end)
    return b""
