"""Two real servers on loopback, each in a thread: wsgiref for WSGI, uvicorn for ASGI."""

from __future__ import annotations

import io
import logging
import socket
import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvicorn
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from streaminstr import asgi, wsgi

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


class ThreadingWSGIServer(ThreadingMixIn, WSGIServer):
    """The standard library's WSGI server, with a thread for each request."""

    daemon_threads = False  # server_close() then waits for each answer to end


class QuietHandler(WSGIRequestHandler):
    """A handler that leaves the terminal to the demo."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        pass

    def get_stderr(self) -> Any:
        return io.StringIO()


@contextmanager
def wsgi_server(port: int = 0, *, waits: bool = True) -> Iterator[int]:
    """The site under WSGI; yields its port. Ends when every answer has ended, or at once.

    Does not wait for connections that a browser keeps open without a request.
    """
    site = wsgi.StreamScopeMiddleware(WSGIHandler())
    server = make_server(HOST, port, site, ThreadingWSGIServer, QuietHandler)
    server.daemon_threads, server.block_on_close = not waits, waits
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def asgi_server(port: int = 0, *, waits: bool = True) -> Iterator[int]:
    """The site under ASGI; yields its port. Ends when every answer has ended, or soon."""
    listener = socket.create_server((HOST, port))
    handler: Any = ASGIHandler()  # typed more narrowly than ASGI is
    site = asgi.StreamScopeMiddleware(handler)
    config = uvicorn.Config(
        site,
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=None if waits else 1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
