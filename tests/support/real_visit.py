"""A server and its client in one, for one request: under ASGI and under WSGI.

The endings: `full`, the client reads all; `fails`, the body raises; and the client leaves after
two chunks: while the body `waits`, while the server `sends`, or, `refused`, send raises. Under
WSGI it `leaves` in one way: the server closes the response.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import suppress
from wsgiref.util import setup_testing_defaults

from real_seen import SERVER, Seen
from real_spans import current

PATIENCE = 10
CHUNKS = 2
"""How many chunks a client reads that leaves."""


def scope(path, headers=(), spec_version="2.3", root_path=""):
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": root_path + path,
        "raw_path": f"{root_path}{path}".encode(),
        "query_string": query.encode(),
        "root_path": root_path,
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "state": {},
    }


class AsgiVisit:
    """One request under ASGI, which ends as `ending` says."""

    def __init__(self, ending, **options):
        self.ending = ending
        self.options = options
        self.seen = Seen()
        self._is_asked = False
        self._chunks = 0

    def run(self, app, path, trouble, after=None):
        asyncio.run(self._run(app, path, trouble, after))
        return self.seen

    async def _run(self, app, path, trouble, after):
        asyncio.get_running_loop().set_exception_handler(trouble.of_loop)
        self._left = asyncio.Event()
        options = {"spec_version": "2.4" if self.ending == "refused" else "2.3", **self.options}
        call = app(scope(path, **options), self._receive, self._send)
        try:
            async with asyncio.timeout(PATIENCE):
                await call
        except BaseException as error:  # noqa: BLE001 - as a server does
            self.seen.error = _log(error)
        self.seen.current = current()
        self.seen.tasks = sorted(await _left_over())
        if after is not None:
            await after()

    async def _receive(self):
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.seen.status = message["status"]
            self.seen.headers = [*map(tuple, message.get("headers", ()))]
        elif message["type"] == "http.response.body":
            self.seen.body += bytes(message.get("body", b""))
            self.seen.is_complete = not message.get("more_body", False)
            self._chunks += bool(message.get("body"))
            if self._chunks == CHUNKS:
                await self._leave()

    async def _leave(self):
        leave = self._left.set
        if self.ending == "waits":  # by then the body has come to where it waits
            asyncio.get_running_loop().call_later(0.05, leave)
        elif self.ending == "sends":
            leave()
            await asyncio.Event().wait()
        elif self.ending == "refused":
            leave()
            raise ConnectionResetError


def _log(error):
    """Servers log what an application raises; some integrations report what is logged."""
    logging.getLogger(SERVER).error("Exception in the application", exc_info=error)
    return repr(error)


async def _left_over():
    """The names of the tasks that do not end by themselves within some seconds."""
    me = asyncio.current_task()
    for turn in range(PATIENCE * 50):
        if turn in {0, 1}:  # what it finds may end in a task, which may leave more to find
            gc.collect()
        await asyncio.sleep(0.01)
        tasks = asyncio.all_tasks() - {me}
        if not tasks and turn > 1:
            break
    return [_name(task.get_coro()) for task in tasks]


def _name(coroutine):
    """Its function's, or its type's where it is no coroutine: what closes an async generator."""
    return getattr(coroutine, "__qualname__", type(coroutine).__name__)


class WsgiVisit:
    """One request under WSGI. `leaves`: the server closes the response after two chunks."""

    def __init__(self, ending, **environ):
        self.ending = ending
        self.environ = environ
        self.seen = Seen()

    def run(self, app, path, trouble, after=None):
        path, _, query = path.partition("?")
        environ = {"PATH_INFO": path, "QUERY_STRING": query, **self.environ}
        setup_testing_defaults(environ)
        try:
            self._read(app(environ, self._start))
        except BaseException as error:  # noqa: BLE001 - as a server does
            self.seen.error = _log(error)
        self.seen.current = current()
        if after is not None:
            after()
        return self.seen

    def _start(self, status, headers, exc_info=None):
        self.seen.status, self.seen.headers = status, headers
        return self._add

    def _add(self, chunk):
        self.seen.body += chunk

    def _read(self, result):
        try:
            chunks = iter(result)
            for _ in range(CHUNKS):
                with suppress(StopIteration):
                    self._add(next(chunks))
            if self.ending != "leaves":
                for chunk in chunks:
                    self._add(chunk)
                self.seen.is_complete = True
        finally:
            getattr(result, "close", lambda: None)()
