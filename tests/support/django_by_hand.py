"""Requests to Django's two handlers without a server: the test is the server and the client."""

import asyncio
from wsgiref.util import setup_testing_defaults

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler


class Wsgi:
    """One request to Django under WSGI; `body` is what the server would step and close."""

    def __init__(self, path="/sync/", *, app=None, **environ):
        self.environ = {"PATH_INFO": path, **environ}
        setup_testing_defaults(self.environ)
        self.status = None
        self.headers = None
        self.body = (app or WSGIHandler())(self.environ, self.start_response)

    def start_response(self, status, headers, exc_info=None):
        self.status, self.headers = status, headers

    def read(self):
        """The whole body, and then close it."""
        try:
            return b"".join(self.body)
        finally:
            self.close()

    def close(self):
        getattr(self.body, "close", lambda: None)()


class _Handler(ASGIHandler):
    """Django 5.2 leaves the file of the request's body open after an exception: not our subject."""

    async def read_body(self, receive):
        self.body_file = await super().read_body(receive)
        return self.body_file


class Asgi:
    """One request to Django under ASGI."""

    def __init__(self, path="/async/", *, app=None, method="GET"):
        self.app = app or _Handler()
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"testserver")],
        }
        self.asked = False
        self.left = asyncio.Event()
        self.sent = []
        self.sending = None
        """Called with each message, awaited where it gives something to await."""

    async def receive(self):
        if not self.asked:
            self.asked = True
            return {"type": "http.request"}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if self.sending is not None and (waiting := self.sending(message)) is not None:
            await waiting

    async def run(self):
        try:
            async with asyncio.timeout(10):
                await self.app(self.scope, self.receive, self.send)
        finally:
            if isinstance(self.app, _Handler):  # pragma: no branch - in another process it is not
                self.app.body_file.close()
        return self

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)
