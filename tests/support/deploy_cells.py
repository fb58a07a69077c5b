"""One cell of the table: one endless event stream is open, and its server is told to stop."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

from deploy_kinds import GRACE
from deploy_process import Server
from server_process import Client

PATIENCE = 6.0
"""Seconds after which a server that has not ended is killed."""
RETRY = b"retry: "


@dataclass(frozen=True)
class Cell:
    """What was seen from SIGTERM on."""

    life: float | None
    """Seconds; None: it was still there, and was killed."""
    ends: tuple[str, ...]
    """How the scope was closed, as often as it was."""
    cleaned_up: int
    """How often the body's own clean-up ran."""
    clean_end: bool
    """Whether the client saw the end of the response, and not that of the connection."""
    farewell: bool
    killed_its_own: bool
    """Whether the server said that it killed a process of its own."""


class Reader(threading.Thread):
    """A client that reads to the end, whatever kind of end that is."""

    def __init__(self, address, path):
        super().__init__(daemon=True)
        self._client = Client(address, path)
        self.read = self._client.read_until(b"id: 2\n")
        self.was_reset = False
        self.start()

    def run(self):
        with self._client, contextlib.suppress(TimeoutError):
            try:
                while more := self._client.socket.recv(1 << 16):
                    self.read += more
            except ConnectionError:
                self.was_reset = True

    @property
    def has_seen_the_end(self):
        head = self.read.partition(b"\r\n\r\n")[0].lower()
        if b"transfer-encoding: chunked" in head:
            return self.read.endswith(b"0\r\n\r\n")
        return not self.was_reset  # the end of the connection is that of the response


def run(kind, *, with_option, drains, folder):
    folder.mkdir()
    command = kind.started(with_option=with_option)
    grace = GRACE if drains else None
    path = f"/{kind.protocol}/deaf/cell"
    with Server(kind, command, grace=grace, record=folder / "record.jsonl") as server:
        reader = Reader(server.address, path)
        server.terminate()
        life = server.wait_for_end(PATIENCE)
        lines = server.lines(path)
    reader.join(PATIENCE)
    return Cell(
        life=life,
        ends=tuple(_end(line) for line in lines if line["event"] == "close"),
        cleaned_up=sum(line["event"] == "cleaned up" for line in lines),
        clean_end=life is not None and reader.has_seen_the_end,
        farewell=RETRY in reader.read,
        killed_its_own=server.killed_its_own,
    )


def _end(line):
    cause = line["cancelled_by"]
    return f"{line['outcome']} by {cause}" if cause else line["outcome"]
