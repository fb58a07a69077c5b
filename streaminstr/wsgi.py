"""The outermost net for WSGI, around Django's application or any other.

    application = StreamScopeMiddleware(get_wsgi_application())

It closes a response body that the application leaves open. Context variables that the application
sets reach neither the server nor the next request of the thread. Streamed responses of frameworks
without an adapter get a scope. docs/reference/servers.md shows the effect on each server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from streaminstr import _configure
from streaminstr._caches import hand_back
from streaminstr._calls.errors import hand_on
from streaminstr._calls.guard import guarded
from streaminstr._core.config import OFF
from streaminstr._exchange import KEY, Exchange, alive, exchange_of
from streaminstr._http import LAST_EVENT_ID, has_body
from streaminstr._nets.result import OneChunk, Result, StreamedResult
from streaminstr._response import Facts, handle_of
from streaminstr._wrap import enclose, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streaminstr._core.config import Config
    from streaminstr._nets.protocol import Environ, StartResponse, SyncApplication


class StreamScopeMiddleware:
    """Wrap the whole application."""

    def __init__(self, app: SyncApplication) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        config = guarded(_configure.current, default=OFF)
        if not config.backends or exchange_of(environ) is not None:
            return self.app(environ, start_response)
        return _Call(config, environ, start_response).run(self.app)


class _Call:
    """One call of the application: its result, and the bodies to close."""

    __slots__ = (
        *("_config", "_context", "_environ", "_exchange", "_headers", "_outside", "_route"),
        *("_start", "_status"),
    )

    def __init__(self, config: Config, environ: Environ, start_response: StartResponse) -> None:
        self._config = config
        self._environ, self._start = environ, start_response
        self._exchange = environ[KEY] = Exchange()
        self._outside = copy_context()
        self._context = self._exchange.context()
        self._route: str | None = None
        self._status: int | None = None
        self._headers: dict[str, str] = {}

    def run(self, app: SyncApplication) -> Iterable[bytes]:
        try:
            result = self._context.run(app, self._environ, self._begin)
        except BaseException as error:
            hand_on(self._context, error)
            self._finish()
            raise
        if _is_file(self._environ, result):  # the server closes it, and all that belongs to it
            self._end()
            return result
        if not self._exchange.is_taken:
            stream = guarded(self._open, result, default=None)
            if stream is not None:
                return stream
        if isinstance(result, list | tuple):
            self._finish()
            return result
        has_length = hasattr(result, "__len__") and guarded(_is_one_chunk, result, default=False)
        kind = OneChunk if has_length else Result
        return kind(result, self._context, self._finish)

    def _begin(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        if not self._exchange.is_taken:
            noted = headers
            if isinstance(headers, Iterator):  # can be read once, and the server has to read it
                noted = list(headers)
                headers = iter(noted)
            guarded(self._note, status, noted, default=None)
        # The server's own function runs without what the application has bound.
        more = () if exc_info is None else (exc_info,)
        return self._outside.copy().run(self._start, status, headers, *more)

    def _note(self, status: str, headers: Iterable[tuple[str, str]]) -> None:
        self._route = _route(self._environ)
        self._status = int(status[:3]) if status[:3].isdecimal() else None
        self._headers = {name.lower(): value for name, value in headers}

    def _open(self, result: Any) -> StreamedResult | None:
        """Give the response a scope, if it is streamed and has none."""
        if not self._is_streamed(result):
            return None
        facts = Facts(
            method=self._environ.get("REQUEST_METHOD"),
            route=self._route,
            status=self._status,
            path=_path(self._environ),
            content_type=self._headers.get("content-type"),
            resumed=LAST_EVENT_ID in self._environ,
            may_append="content-encoding" not in self._headers,
        )
        handle = handle_of(self._config, facts)
        life = enclose(handle, self._config, self._exchange, self._context)
        stream = StreamedResult(life, result, *handle.counting(size_of))
        stream.finish = self._finish
        return stream

    def _is_streamed(self, result: Any) -> bool:
        """Whether the result gets a scope.

        A response with a Content-Length is complete: a file, or a Flask page, which looks like a
        stream. A Django response has an attribute that says whether it is streamed.
        """
        if (
            "content-length" in self._headers
            or self._is_taken()
            or not has_body(self._environ.get("REQUEST_METHOD"), self._status)
        ):
            return False
        if isinstance(result, list | tuple):
            return len(result) > 1
        return bool(getattr(result, "streaming", True)) and not _is_one_chunk(result)

    def _is_taken(self) -> bool:
        """Whether the body is a stream itself, which waits for its next step, or its first one."""
        lives = [(one._life, one._turn) for one in alive(self._exchange.streams)]  # noqa: SLF001 - every kind has them
        return any(turn and (life.is_open or not life.started) for life, turn in lives)

    def _finish(self) -> None:
        """Close what the application has left open of its response. Errors are only logged."""
        for stream in alive(self._exchange.bodies):
            guarded(stream.close, default=None)
            guarded(hand_back, stream._life.copy, default=None)  # noqa: SLF001 - every kind has one
        self._end()

    def _end(self) -> None:
        guarded(hand_back, self._context.copy, default=None)
        self._exchange.is_over = True
        self._environ.pop(KEY, None)


def _is_one_chunk(result: Any) -> bool:
    """Whether `len(result)` is 1. Servers ask for it as well, and these errors mean no."""
    try:
        return len(result) == 1
    except (TypeError, AttributeError, NotImplementedError):
        return False


def _is_file(environ: Environ, result: Any) -> bool:
    """Whether the server sends `result` itself, provided that it is passed on untouched (PEP 3333).

    uWSGI's wrapper is a function and no type. It returns the file, which is known by its `read`.
    """
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type):
        return isinstance(result, wrapper)
    return wrapper is not None and hasattr(result, "read")


def _route(environ: Environ) -> str | None:
    """The pattern of the route, which Flask keeps in the environ while its view runs."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return getattr(rule, "rule", None)


def _path(environ: Environ) -> str:
    raw = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")
