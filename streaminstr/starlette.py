"""Starlette and FastAPI: a scope for each streaming response, current from the first step on.

    app = FastAPI()
    streaminstr.starlette.instrument(app)

    @app.get("/chat/{room}")
    @stream_scope("chat", attributes={"llm.model": "small"})
    async def chat(room: str): ...

docs/explanation/starlette.md explains what is replaced, and why.
"""

from __future__ import annotations

import functools
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from anyio import CancelScope
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import StreamingResponse

from streaminstr import _configure, _response
from streaminstr._calls.guard import guarded
from streaminstr._endpoint import choice_of, config_for, options_in, stream_scope
from streaminstr._exchange import alive, exchange_of
from streaminstr._http import has_body
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from starlette.applications import Starlette

    from streaminstr._core.config import Config
    from streaminstr._endpoint import Choice
    from streaminstr._events import Marker
    from streaminstr._exchange import Exchange
    from streaminstr._handle import Handle
    from streaminstr._nets.protocol import Application, Message, Receive, Send
    from streaminstr._sifted import Filter

__all__ = ["instrument", "stream_scope"]
_FRAMEWORKS = ("starlette", "fastapi")
_CLASSES = {"starlette.responses": "StreamingResponse", "sse_starlette.sse": "EventSourceResponse"}
"""The classes of responses that step a body. Others derive from them."""
_MARK = "_streaminstr"
"""Marks a function that replaces another one. Also the key in an instrumented request's scope,
whose value holds the request's streams until the net has closed them."""
_CHOICE = "_streaminstr_choice"
"""The key there for the options that apply to all streams of the application."""
_shielded = functools.partial(CancelScope, shield=True)
_scope: ContextVar[Message] = ContextVar("streaminstr.starlette")
"""The ASGI scope of the request, for FastAPI's endpoints, which are called without it."""


def instrument(
    app: Starlette,
    *,
    filter: Filter | None = None,  # noqa: A002 - as Django's setting
    ends_with: Mapping[str, Marker] | None = None,
) -> None:
    """Give each streaming response of `app` and its mounted applications a scope. Idempotent.

    `filter(request, response)` returns whether a response gets a scope. `ends_with` is a dict from
    routes to end markers, see `streaminstr.stream`. `streaminstr.configure` chooses the backend.
    Call it before the first request: raises StreaminstrError if the application has started, if it
    is none of Starlette's, and for an invalid filter or marker.
    """
    choice = choice_of(app, filter, ends_with)
    if any(getattr(one, "cls", None) is _Innermost for one in app.user_middleware):
        return
    if app.middleware_stack is not None:
        msg = "instrument(app) is called too late: the application has started already"
        raise StreaminstrError(msg)
    app.user_middleware.append(Middleware(_Innermost, routes=app.routes, choice=choice))


class _Innermost(StreamScopeMiddleware):
    """The net, inside all other middleware. A second one may wrap the whole application."""

    def __init__(self, app: Application, routes: Iterable[Any], choice: Choice) -> None:
        super().__init__(functools.partial(_run, app, choice))
        _replace_calls()
        guarded(_reach_generators, routes, default=None)


async def _run(app: Any, choice: Choice, scope: Message, receive: Receive, send: Send) -> Any:
    exchange = exchange_of(scope) if scope["type"] == "http" else None
    if exchange is None:
        return await app(scope, receive, send)
    # Starlette's own cancel scopes would end each `await` of a clean-up.
    exchange.shield, scope[_MARK], scope[_CHOICE] = _shielded, [], choice
    _scope.set(scope)
    try:
        return await app(scope, receive, send)
    except Exception as error:
        guarded(_blame, exchange, error, default=None)
        raise


def _blame(exchange: Exchange, error: Exception) -> None:
    """Let an open body fail with an exception that is raised outside it, such as in encoding."""
    if not exchange.has_left:
        for stream in alive(exchange.bodies):
            stream._life.handle.fail(error)  # noqa: SLF001 - every kind has one


def _replace_calls() -> None:
    """Replace the `__call__` of each loaded response class by `_called`, once."""
    for module, name in _CLASSES.items():
        response = getattr(sys.modules.get(module), name, None)
        if response is not None and not hasattr(response.__call__, _MARK):
            response.__call__ = _called(response.__call__)


def _called(call: Callable[..., Any]) -> Callable[..., Any]:
    """A response's `__call__` that iterates a stream instead of the body."""

    @functools.wraps(call)
    async def __call__(self: Any, scope: Message, receive: Receive, send: Send) -> None:  # noqa: N807 - it takes that one's place
        body = self.body_iterator
        if _MARK in scope:
            guarded(_take_response, self, scope, default=None)
        try:
            await call(self, scope, receive, send)
        finally:
            self.body_iterator = body  # a response may be sent again

    setattr(__call__, _MARK, True)
    return __call__


def _take_response(response: Any, scope: Message) -> None:
    exchange, body = exchange_of(scope), response.body_iterator
    if exchange is None:
        return
    config = _configure.current() if exchange.is_taken else _config_for(exchange, response, scope)
    described = _handle_of(config, scope, response, response.status_code)
    if exchange.is_taken:
        for stream in alive(exchange.bodies):
            _response.add_to(stream, described)
            response.body_iterator = _followed(body, stream, described)
        return
    if has_body(scope["method"], response.status_code):
        stream = _take(body, described, config, scope, _response.measure_of(response.charset))
        if _response.given_stream(body, _FRAMEWORKS) is None:
            response.body_iterator = stream
        sse = sys.modules.get("sse_starlette.sse")
        if sse is not None and isinstance(response, sse.EventSourceResponse):
            _response.count_encoded(stream, functools.partial(sse.ensure_bytes, sep=response.sep))
            _response.aclose_too(stream, body)


def _config_for(exchange: Exchange, response: Any, scope: Message) -> Config:
    """The config of a response. If it has no backends, the nets create no scope either."""
    config = config_for(scope, scope[_CHOICE], Request(scope), response)
    exchange.is_taken = not config.backends
    return config


def _handle_of(config: Config, scope: Message, response: Any, status: int | None) -> Handle:
    facts = _response.facts_in(scope, status, response.headers)
    options = _response.marked(options_in(scope), scope[_CHOICE].ends_with, facts.route)
    return _response.handle_of(config, facts, options)


async def _followed(body: Any, stream: Any, described: Handle) -> AsyncIterator[Any]:
    """What FastAPI sends of a generator's stream, then the farewell, which is not an item."""
    async for chunk in body:
        yield chunk
    stream._life.handle.may_append = described.may_append  # noqa: SLF001 - every kind has one
    if (last := stream._last_word()) is not None:  # noqa: SLF001 - every kind has it
        yield last


def _take(body: Any, described: Handle, config: Config, scope: Message, size_of: Any) -> Any:
    """The stream over `body`, or the one that the application has already created."""
    stream = _response.stream_over(body, described, config, _FRAMEWORKS, size_of, scope)
    scope[_MARK].append(stream)
    return stream


def _reach_generators(routes: Iterable[Any]) -> None:
    """Wrap FastAPI's endpoints that yield events, because FastAPI steps them in a separate task."""
    for route in routes:
        if getattr(route, "is_sse_stream", False):
            route.dependant.call = _yielding(route.dependant.call)
        included = getattr(route, "effective_candidates", tuple)
        mount = getattr(route, "starlette_route", None) or route
        _reach_generators((*getattr(mount, "routes", ()), *included()))


def _yielding(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    def make(*args: Any, **values: Any) -> Any:
        body = endpoint(*args, **values)
        return guarded(_take_generator, body, default=body)

    if hasattr(endpoint, _MARK):
        return endpoint
    setattr(make, _MARK, True)
    return make


def _take_generator(body: Any) -> Any:
    scope = _scope.get({})
    exchange = exchange_of(scope)
    # It stands for the response, which FastAPI has yet to make.
    response = StreamingResponse((), media_type="text/event-stream")
    if exchange is None or not (config := _config_for(exchange, response, scope)).backends:
        return body
    stream = _take(body, _handle_of(config, scope, response, None), config, scope, lambda _: 0)
    _response.count_encoded(stream, _as_event)
    return stream


def _as_event(item: Any) -> bytes:
    """The part of FastAPI's event for `item` that is needed to count it."""
    raw = getattr(item, "raw_data", None)
    if raw is not None or not hasattr(item, "raw_data") or item.data is not None:
        return f"data: {raw or ''}\n\n".encode()
    return b":\n\n" if item.comment else b"\n"
