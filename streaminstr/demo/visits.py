"""The requests that the demo sends over real sockets, and how each should end."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from http.client import HTTPConnection, IncompleteRead
from typing import TYPE_CHECKING

from streaminstr.demo import site
from streaminstr.demo.servers import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 10.0
NEVER_READ = "never read"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: its server, its path, and how its stream should end."""

    server: str
    port: int
    name: str
    path: str
    expected: str
    send: Callable[[Visit], None]

    @property
    def deed(self) -> str:
        """What the client does, as the docstring of `send` has it."""
        return (self.send.__doc__ or "").partition(":")[0].rstrip(".").lower()

    @property
    def request_id(self) -> str:
        return f"{self.server.lower()}-{self.name}"

    def connect(self, **headers: str) -> HTTPConnection:
        """A connection on which the request has been sent."""
        connection = HTTPConnection(HOST, self.port, timeout=TIMEOUT)
        connection.request("GET", self.path, headers={"X-Request-ID": self.request_id, **headers})
        return connection


def visits(server: str, port: int) -> list[Visit]:
    """All visits to one server, in order."""
    return [
        Visit(server, port, *rest)
        for rest in (
            ("export", "/export/", "completed", _read),
            ("broken", "/broken/", "failed", _read),
            ("live", "/live/", "cancelled", _leave),
            ("unchanged", "/export/", NEVER_READ, _ask_for_news),
            ("events", "/events/", "completed", _read),
            ("prices", "/prices/", "completed", _read),
            ("chat", "/chat/", "failed", _read),
            ("file", "/file/", "completed", _read),
        )
    ]


def _read(visit: Visit) -> None:
    """Reads to the end."""
    connection = visit.connect()
    try:
        connection.getresponse().read()
    except IncompleteRead:
        pass  # how a client sees that a stream broke
    finally:
        connection.close()


def _leave(visit: Visit) -> None:
    """Leaves after three rows: with a reset, so that the next write fails."""
    site.client_left.clear()
    request = (
        f"GET {visit.path} HTTP/1.1\r\nHost: {HOST}\r\nX-Request-ID: {visit.request_id}\r\n\r\n"
    )
    with socket.create_connection((HOST, visit.port), TIMEOUT) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as answer:
            rows = (line for line in answer if line.startswith(b"order"))
            for _ in range(site.LEAVES_AFTER):
                next(rows)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    site.client_left.set()


def _ask_for_news(visit: Visit) -> None:
    """Asks for news: Django answers 304 and drops the stream."""
    connection = visit.connect(**{"If-None-Match": '"1"'})
    connection.getresponse().read()
    connection.close()
