"""A roster that the test has written, and rows for it."""

import time
from dataclasses import replace

from streaminstr._process.rows import CloseResult, EndedStream, Table, Worker
from streaminstr.types import OpenStream

ID = "0123456789abcdef"
ROW = OpenStream(
    id=ID,
    name="GET orders/",
    route="orders/",
    method="GET",
    worker="web-1:4711",
    age=75.0,
    chunks=1234,
    bytes=56_789,
    idle=2.5,
    turn="producer",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    span_id="00f067aa0ba902b7",
    waits=("shop/orders.py:6 rows", "shop/orders.py:3 query", "threading.py:327 wait"),
    waits_at="shop/orders.py:3 query",
)
ENDED = EndedStream(
    id="fedcba9876543210",
    name="GET export/",
    route="export/",
    method="GET",
    worker="web-1:4711",
    outcome="cancelled",
    cancelled_by="server",
    error_type=None,
    close_reason="too long",
    duration=3.0,
    chunks=7,
    events=None,
    bytes=700,
    ended=time.time() - 5,
)
WORKER = Worker(name="web-1:4711", host="web-1", pid=4711, since=time.time() - 60, age=0.0, open=1)


def row(number, **changes):
    """One of many rows: the number is its id, and its age in seconds."""
    values = {"id": f"{number:016x}", "age": float(number), "idle": 0.0, "chunks": number}
    return replace(ROW, **{**values, **changes})


class FakeRoster:
    """Says what it has been given, and notes the requests to close."""

    def __init__(self):
        self.is_on = True
        self.samples = ()
        self.result = CloseResult.CLOSED
        self.answers = {}
        self.asked = []
        self.has(ROW)

    def has(self, *rows, ended=(), workers=(WORKER,), **more):
        self.seen = Table(rows=rows, workers=workers, ended=ended, **more)

    def table(self):
        return self.seen

    def timeline(self, id):  # noqa: A002 - as that of the library
        return self.samples

    def send(self, do):
        self.asked.append(do)
        return self.answers

    def request_close(self, id, reason=""):  # noqa: A002 - as that of the library
        self.asked.append((id, reason))
        return self.result
