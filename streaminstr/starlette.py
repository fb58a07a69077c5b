"""Starlette and FastAPI: a scope for each streaming response, current from the first step on.

    app = FastAPI()
    streaminstr.starlette.instrument(app)

docs/explanation/starlette.md says what is replaced, and why.
"""

from __future__ import annotations

import functools
import sys
from contextvars import ContextVar
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from anyio import CancelScope
from starlette.middleware import Middleware

from streaminstr import _response
from streaminstr._core.guard import guarded
from streaminstr._exchange import alive, exchange_of
from streaminstr._http import has_body, is_resumed_in, route_of
from streaminstr._starlette_filter import config_for
from streaminstr._wrap import adopt, wrap
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from starlette.applications import Starlette

    from streaminstr._core.config import Config
    from streaminstr._exchange import Exchange
    from streaminstr._handle import Handle
    from streaminstr._nets.protocol import Application, Message, Receive, Send

_FRAMEWORKS = ("starlette", "fastapi")
_CLASSES = {"starlette.responses": "StreamingResponse", "sse_starlette.sse": "EventSourceResponse"}
"""The classes of responses that step a body. Others derive from them."""
_EVENTS = {"content-type": "text/event-stream"}
_MARK = "_streaminstr"
"""An attribute of a function that is in another one's place; the key in an instrumented request's
scope of what holds its streams until the net has closed them."""
_scope: ContextVar[Message | None] = ContextVar("streaminstr.starlette", default=None)
"""The ASGI scope of the request, for FastAPI's endpoints, which are called without it."""


def instrument(app: Starlette) -> None:
    """Give each streaming response of `app`, and of what is mounted in it, a scope. Idempotent.

    Call it before the first request: raises StreaminstrError for an application that has started.
    `streaminstr.configure` chooses the backend.
    """
    if any(getattr(one, "cls", None) is _Innermost for one in app.user_middleware):
        return
    if app.middleware_stack is not None:
        msg = "instrument(app) is called too late: the application has started already"
        raise StreaminstrError(msg)
    app.user_middleware.append(Middleware(_Innermost, routes=app.routes))


class _Innermost(StreamScopeMiddleware):
    """The net, inside of all other middleware. There may be another one round the application."""

    def __init__(self, app: Application, routes: Iterable[Any]) -> None:
        super().__init__(functools.partial(_run, app))
        _replace_calls()
        guarded(_reach_generators, routes, default=None)


async def _run(app: Application, scope: Message, receive: Receive, send: Send) -> None:
    exchange = exchange_of(scope) if scope["type"] == "http" else None
    if exchange is None:
        return await app(scope, receive, send)
    # Starlette's own cancel scopes would end each `await` of a clean-up.
    exchange.shield = functools.partial(CancelScope, shield=True)
    scope[_MARK] = []
    _scope.set(scope)
    try:
        return await app(scope, receive, send)
    except Exception as error:
        guarded(_blame, exchange, error, default=None)
        raise


def _blame(exchange: Exchange, error: Exception) -> None:
    """Let a body that is open fail with what is raised beside it: when a chunk is encoded."""
    if not exchange.has_left:
        for stream in alive(exchange.bodies):
            stream._life.handle.fail(error)  # noqa: SLF001 - every kind has one


def _replace_calls() -> None:
    """Put `_called` round the `__call__` of the classes that are loaded, once for each."""
    for module, name in _CLASSES.items():
        response = getattr(sys.modules.get(module), name, None)
        if response is not None and not hasattr(response.__call__, _MARK):
            response.__call__ = _called(response.__call__)


def _called(call: Callable[..., Any]) -> Callable[..., Any]:
    """A response's `__call__` that has a stream stepped in place of its body."""

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
    config = config_for(scope, response)
    described = _response.handle_of(config, _facts(scope, response.status_code, response.headers))
    if exchange.is_taken:
        for stream in alive(exchange.bodies):
            _describe(stream, described)
            response.body_iterator = _followed(body, stream, described)
        return
    if has_body(scope["method"], response.status_code):
        stream = _take(body, described, scope, _response.measure_of(response.charset), config)
        if _response.given_stream(body, _FRAMEWORKS) is None:
            response.body_iterator = stream
        sse = sys.modules.get("sse_starlette.sse")
        if sse is not None and isinstance(response, sse.EventSourceResponse):
            _response.count_encoded(stream, functools.partial(sse.ensure_bytes, sep=response.sep))


def _describe(stream: Any, described: Handle) -> None:
    """Add what is known now to a generator's stream, which was made before its response."""
    life, info = stream._life, stream._life.handle.info  # noqa: SLF001 - every kind has one
    life.describe(info.name, {**described.info.attributes, **info.attributes}, None)


async def _followed(body: Any, stream: Any, described: Handle) -> AsyncIterator[Any]:
    """What FastAPI sends of a generator's stream, and then the farewell, which is no item of it."""
    async for chunk in body:
        yield chunk
    stream._life.handle.may_append = described.may_append  # noqa: SLF001 - every kind has one
    if (last := stream._last_word()) is not None:  # noqa: SLF001 - every kind has it
        yield last


def _take(body: Any, described: Handle, scope: Message, size_of: Any, config: Config) -> Any:
    """The stream over `body`, or the one that the application has made of it."""
    stream = _response.given_stream(body, _FRAMEWORKS)
    if stream is None:
        held = _response.held_by(body, (GeneratorType,), _FRAMEWORKS)
        # A thread that has stepped it may drop it last, outside of the stream.
        closers = () if held is None else (held.close,)
        stream = wrap(body, described, config, closers=closers, size_of=size_of, carrier=scope)
    else:
        adopt(stream, described, is_named=True, size_of=size_of, requested=None, carrier=scope)
    scope[_MARK].append(stream)
    return stream


def _facts(scope: Message, status: int | None, headers: Any) -> _response.Facts:
    return _response.Facts(
        method=scope["method"],
        route=route_of(scope),
        status=status,
        path=scope["path"],
        content_type=headers.get("content-type"),
        resumed=is_resumed_in(scope),
        may_append={"content-length", "content-encoding"}.isdisjoint(headers),
    )


def _reach_generators(routes: Iterable[Any]) -> None:
    """Wrap FastAPI's endpoints that yield events: a task of its own steps such a generator."""
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
    scope = _scope.get()
    if scope is None or exchange_of(scope) is None:
        return body
    config, facts = config_for(scope, None), _facts(scope, None, _EVENTS)
    described = _response.handle_of(config, facts)
    described.may_append = False  # what the stream appended would be an item
    stream = _take(body, described, scope, lambda _: 0, config)
    _response.count_encoded(stream, _as_event)
    return stream


def _as_event(item: Any) -> bytes:
    """As much of the event that FastAPI makes of `item` as it takes to count it."""
    if not hasattr(item, "raw_data") or item.raw_data is not None or item.data is not None:
        return b"data:\n\n"
    return b":\n\n" if item.comment else b"\n"
