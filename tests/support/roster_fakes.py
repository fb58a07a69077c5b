"""Stores and pages of rosters, for tests."""

import contextlib
import json
import time
from dataclasses import replace

from streaminstr import _configure, stream
from streaminstr._process.memory import memory
from streaminstr._process.page import Page, encode
from streaminstr._process.remembering import RosterBackend
from streaminstr._process.roster import Roster
from streaminstr._process.rows import EndedStream, Worker
from streaminstr.testing import RecordingBackend
from streaminstr.types import OpenStream

FACTS = {"http.route": "orders/", "http.request.method": "GET"}
NOW = 1_800_000_000.0


class MemoryStore:
    """A store with the pages of other processes; `answers` are what they answer, by address."""

    polls_every, writes_every, largest, own, rested = 0.5, 0.25, 1 << 20, "own", 0

    def __init__(self, **pages):
        self.pages = pages
        self.answers = {}
        self.left, self.requests, self.written = [], [], []

    def write(self, text):
        self.written.append(text)

    def read(self):
        for address, one in self.pages.items():
            yield address, one if isinstance(one, str) else encode(one)

    def ask(self, address, nonce, text):
        self.left.append((address, json.loads(text)))
        answer = self.answers.get(address)
        if answer is not None:
            self.pages[address] = replace(self.pages[address], answers={nonce: answer})

    def asked(self):
        taken, self.requests = self.requests, []
        yield from taken

    def rest(self):
        self.rested += 1


class BrokenStore(MemoryStore):
    """One that cannot be reached."""

    def read(self):
        raise ConnectionError

    asked = read

    def ask(self, address, nonce, text):
        raise ConnectionError


def worker(pid=7, **fields):
    given = {"host": "web", "since": NOW, "age": 0.0, "open": 0, **fields}
    return Worker(name=f"{given['host']}:{pid}", pid=pid, **given)


def row(number=0, **fields):
    return OpenStream(**{"id": id_of(number), "name": "export", "worker": "web:7", **fields})


def id_of(number):
    return f"{number:016x}"


def page(*rows, pid=7, left_out=0, **fields):
    of = worker(pid, open=len(rows) + left_out)
    return Page(**{"worker": of, "written": time.time(), "rows": rows, **fields})


def ended(number=0, **fields):
    given = dict.fromkeys(EndedStream.__dataclass_fields__)
    given |= {"chunks": 0, "duration": 0.0, "ended": NOW, "outcome": "completed"}
    return EndedStream(**{**given, "id": id_of(number), "name": "a", "worker": "web:7", **fields})


def opened(body=(b"one", b"two", b"three"), **options):
    made = stream(body, **{"name": "export", "attributes": FACTS, **options})
    next(made)
    return made


@contextlib.contextmanager
def remembering():
    """What ends is remembered, in a process that has remembered nothing before."""
    alone = Roster()
    config = _configure.Config(backends=(RecordingBackend(), RosterBackend(alone)))
    memory.__init__()
    with _configure.forced(config):
        yield alone
    memory.__init__()
