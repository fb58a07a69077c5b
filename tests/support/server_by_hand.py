"""Servers driven by hand: a test decides what the client and the server do, and when."""

from __future__ import annotations

import asyncio
from wsgiref.util import setup_testing_defaults


class ByHand:
    """An ASGI server with one request. `on_send` may raise or wait; `leave` disconnects."""

    def __init__(self, path="/", method="GET", on_send=None):
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"testserver")],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        self.sent = []
        self._on_send = on_send
        self._asked = False
        self._left = asyncio.Event()

    def leave(self):
        self._left.set()

    async def receive(self):
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if self._on_send is not None:
            await self._on_send(message)

    async def call(self, app):
        await app(self.scope, self.receive, self.send)

    @property
    def chunks(self):
        """What the client has got."""
        return [message["body"] for message in self.sent[1:] if message.get("body")]


class Blocked:
    """A client that does not read: the send of its `number`th chunk waits until `proceed`."""

    def __init__(self, number):
        self._number = number
        self.is_waiting = asyncio.Event()
        self.proceed = asyncio.Event()

    async def __call__(self, message):
        if message.get("body"):
            self._number -= 1
        if self._number == 0:
            self.is_waiting.set()
            await self.proceed.wait()


def gone(message):
    """What `send` does once the client has left: spec 2.4 of ASGI."""

    async def refuse():
        if message.get("body"):
            raise ConnectionResetError

    return refuse()


async def lifespan(app, *events):
    """Call `app` for a lifespan with these events; gives what it has answered."""
    heard = iter(events)
    sent = []

    async def receive():
        return {"type": next(heard)}

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return sent


def environ(path="/", method="GET", **more):
    """A WSGI environ as the standard library's server makes it."""
    made = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        **more,
    }
    setup_testing_defaults(made)
    return made


def call(app, path="/", method="GET", **more):
    """The result of a WSGI application, untouched."""
    return app(environ(path, method, **more), lambda status, headers, exc_info=None: None)
