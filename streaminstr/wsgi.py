"""The outermost net for WSGI: round Django's application, or round any other.

    application = StreamScopeMiddleware(get_wsgi_application())

It closes what the application leaves open, keeps what the application leaks into context
variables from the server and from the next request of the thread, and gives a scope to the
streamed responses of frameworks that have no adapter. docs/reference/servers.md shows what that
means on each server.
"""

from __future__ import annotations

from contextvars import copy_context
from inspect import isgenerator
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Self

from streaminstr import _configure
from streaminstr._caches import hand_back
from streaminstr._core.config import OFF
from streaminstr._core.exchange import Exchange, current_exchange
from streaminstr._core.guard import guarded
from streaminstr._http import describe, has_body, name_of
from streaminstr._wrap import make_handle, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextvars import Context

    from streaminstr._core.config import Config

    Environ = dict[str, Any]
    Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class StreamScopeMiddleware:
    """Put it round everything else."""

    def __init__(self, app: Application) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        config = guarded(_configure.current, default=OFF)
        if not config.backends or current_exchange.get() is not None:
            return self.app(environ, start_response)
        return _Call(config, environ, start_response).run(self.app)


class _Call:
    """One call of the application: what it answers, and what it leaves open."""

    __slots__ = (
        "_config",
        "_context",
        "_environ",
        "_exchange",
        "_headers",
        "_outside",
        "_route",
        "_start",
        "_status",
    )

    def __init__(
        self, config: Config, environ: Environ, start_response: Callable[..., Any]
    ) -> None:
        self._config = config
        self._environ = environ
        self._start = start_response
        self._exchange = Exchange()
        self._outside = copy_context()
        self._context = self._exchange.context()
        self._route: str | None = None
        self._status: int | None = None
        self._headers: dict[str, str] = {}

    def run(self, app: Application) -> Iterable[bytes]:
        try:
            result = self._context.run(app, self._environ, self._begin)
        except BaseException:
            _finish(self._context, self._exchange)
            raise
        if _is_file(self._environ, result):
            guarded(hand_back, self._context, default=None)
            return result
        if self._is_streamed(result):
            result = self._context.run(guarded, self._wrap, result, default=result)
        elif isinstance(result, list | tuple):
            _finish(self._context, self._exchange)
            return result
        return _Result(self._context, self._exchange, result)

    def _begin(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        guarded(self._note, status, headers, default=None)
        # The server's own code, where nothing is seen of what the application has bound.
        more = () if exc_info is None else (exc_info,)
        return self._outside.copy().run(self._start, status, headers, *more)

    def _note(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._route = _route(self._environ)
        self._status = int(status[:3])
        self._headers = {name.lower(): value for name, value in headers}

    def _is_streamed(self, result: Any) -> bool:
        """Whether to give it a scope.

        A response of Django's says by itself whether it is streamed. Werkzeug's hides that, but
        has a Content-Length where all of the body is at hand.
        """
        if self._exchange.is_taken or not has_body(
            self._environ.get("REQUEST_METHOD"), self._status
        ):
            return False
        if isinstance(result, list | tuple):
            return len(result) > 1
        known = "content-length" in self._headers and not isgenerator(result)
        return bool(getattr(result, "streaming", not known))

    def _wrap(self, result: Iterable[bytes]) -> Any:
        method = self._environ.get("REQUEST_METHOD")
        attributes = describe(
            method=method,
            route=self._route,
            status=self._status,
            path=_path(self._environ),
            content_type=self._headers.get("content-type"),
        )
        handle = make_handle(self._config, name_of(method, self._route), attributes)
        return wrap(result, handle, self._config)


class _Result(map):  # type: ignore[type-arg]
    """The application's result, with each step and the close in the response's own Context.

    It asks for the result's iterator no sooner than the server asks for the first chunk.
    """

    __slots__ = ("_closers", "_context", "_exchange")
    _closers: list[Callable[[], object]]
    _context: Context
    _exchange: Exchange

    def __new__(cls, context: Context, exchange: Exchange, result: Any) -> Self:
        steps = chain.from_iterable((result,))
        made = super().__new__(cls, context.run, repeat(next), repeat(steps))
        made._context, made._exchange = context, exchange
        made._closers = [close] if (close := getattr(result, "close", None)) is not None else []
        return made

    def close(self) -> None:
        """End the response; twice does nothing."""
        closers, self._closers = self._closers, []
        try:
            for close in closers:
                # A copy: a step may still be running in it, in another thread.
                self._context.copy().run(close)
        finally:
            _finish(self._context, self._exchange)


def _finish(context: Context, exchange: Exchange) -> None:
    """Close all that the application has left open. Their errors are nobody's but the log's."""
    for stream in exchange.alive():
        guarded(stream.close, default=None)
        guarded(hand_back, stream._life.copy(), default=None)  # noqa: SLF001 - every kind has one
    guarded(hand_back, context, default=None)


def _is_file(environ: Environ, result: Any) -> bool:
    """Whether the server is going to send this by itself, if it is given untouched (PEP 3333)."""
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type):
        return isinstance(result, wrapper)
    return wrapper is not None and hasattr(result, "fileno")


def _route(environ: Environ) -> str | None:
    """The pattern of the route, where Flask leaves it for as long as its view is at work."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return getattr(rule, "rule", None)


def _path(environ: Environ) -> str:
    raw = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")
