"""Give one response its scope, without changing anything else about it."""

from __future__ import annotations

import time
from functools import partial
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from streaminstr import _configure
from streaminstr._caches import close_here
from streaminstr._calls.guard import guarded
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.stream import Stream
from streaminstr._exchange import exchange_of, here
from streaminstr._http import LAST_EVENT_ID
from streaminstr._response import NOTHING_MORE, Facts, handle_of, marked, measure_of
from streaminstr._sifted import sift
from streaminstr._untaken import look_for_trace
from streaminstr._wrap import adopt, wrap
from streaminstr.django import _buffered, _connections, conf
from streaminstr.django._files import hand_over, may_be_sent_by_server
from streaminstr.django.signals import bind_extra_stream_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from streaminstr._core.config import Config
    from streaminstr._handle import Handle
    from streaminstr._response import Options

_MARK = "_streaminstr"
"""Attribute of a response for which the decision about a scope has been made."""


def instrument(
    request: HttpRequest,
    response: HttpResponseBase,
    options: Options = NOTHING_MORE,
    *,
    requested: float | None = None,
    setting: conf.Loaded | None = None,
) -> Handle | None:
    """Give the body of a streaming response a scope, if it has none yet. Never raises.

    `requested` is when the request began, by `time.perf_counter`. `setting` is what STREAMINSTR
    says, if the caller knows. Returns the handle of the new scope.
    """
    return guarded(_instrument, request, response, options, requested, setting, default=None)


async def instrument_later(
    request: HttpRequest,
    response: HttpResponseBase,
    options: Options = NOTHING_MORE,
    *,
    requested: float | None = None,
    setting: conf.Loaded | None = None,
) -> None:
    """The same in the event loop's thread, which has no connections of the request."""
    handle = instrument(request, response, options, requested=requested, setting=setting)
    if handle is not None:
        await _connections.count_where_the_request_ran(handle)


def claim(request: HttpRequest | None, response: Any) -> bool:
    """Make `instrument` and an outermost net ignore this response from now on.

    Returns whether no decision was made before. A view may return anything, also None.
    """
    if not getattr(response, "streaming", False) or _MARK in vars(response):
        return False
    vars(response)[_MARK] = True
    take_response(request)
    return True


def take_response(request: HttpRequest | None) -> None:
    """Tell an outermost net around `request` that the decision about a scope has been made."""
    exchange = here()
    if exchange is None:  # as without a net
        return
    if request is None or exchange_of(_carrier(request)) is exchange:
        exchange.is_taken = exchange.closes_itself = True


def _carrier(request: HttpRequest) -> Mapping[str, Any]:
    """The ASGI scope or WSGI environ that came with `request`."""
    return getattr(request, "scope", None) or request.META


def _instrument(
    request: HttpRequest,
    response: Any,
    options: Options,
    requested: float | None,
    setting: conf.Loaded | None,
) -> Handle | None:
    if not claim(request, response):
        return None
    setting, route = setting or conf.loaded(), route_of(request)
    config = _config_for(request, response, setting)
    if not config.backends:
        return None
    if setting is not None and setting.ends_with:
        options = marked(options, setting.ends_with, route)
    if "HTTP_TRACEPARENT" in request.META:
        look_for_trace(config, request.META)
    by_server = may_be_sent_by_server(request, response)
    started_ns = time.time_ns() if by_server else None
    handle = handle_of(config, _facts(request, response, route), options, started_ns)
    carrier = _carrier(request)
    is_stream = isinstance(response._iterator, Stream | AsyncStream)  # noqa: SLF001 - see _replace_body
    if is_stream:
        handle = _adopt(carrier, response, handle, options.name or route, requested)
    if bind_extra_stream_metadata.receivers:
        _ask_for_metadata(request, response, handle)
    if not is_stream:
        _replace_body(carrier, response, handle, config, requested, by_server=by_server)
    _look_into_django(request, response, handle, route, options, setting)
    return handle


def _config_for(request: HttpRequest, response: Any, setting: conf.Loaded | None) -> Config:
    """The config of a response; it has no backends if the response has no scope."""
    adapted, wanted_by = (None, None) if setting is None else (setting.config, setting.filter)
    config = _configure.current(adapted)
    return sift(config, wanted_by, request, response) if config.backends else config


def _look_into_django(
    request: HttpRequest,
    response: Any,
    handle: Handle,
    route: str | None,
    options: Options,
    setting: conf.Loaded | None,
) -> None:
    """Record what only Django knows about the response."""
    release = options.release_connections
    if release is None:
        release = setting is not None and setting.release_connections
    # Asked of the attribute: REST framework wraps the request.
    is_asgi = getattr(request, "scope", None) is not None
    kinds = {"is_async": response.is_async, "is_asgi": is_asgi}
    if response.is_async != is_asgi:
        _buffered.note(handle, route or handle.info.name, is_asgi=is_asgi)
    stream = response._iterator  # noqa: SLF001 - see _replace_body
    _connections.prepare(stream, handle, release=release, **kinds)


def _adopt(
    carrier: Mapping[str, Any],
    response: Any,
    described: Handle,
    name: str | None,
    requested: float | None,
) -> Handle:
    """Use the stream that the view has created as the body of the response, with one scope."""
    stream = response._iterator  # noqa: SLF001 - see _replace_body
    handle = adopt(
        stream,
        described,
        is_named=name is not None,
        size_of=measure_of(response.charset),
        requested=requested,
        carrier=carrier,
    )
    closers, close = response._resource_closers, partial(close_here, stream)  # noqa: SLF001
    closers[:] = [close if closer == stream.close else closer for closer in closers]
    return handle


def _replace_body(
    carrier: Mapping[str, Any],
    response: Any,
    handle: Handle,
    config: Config,
    requested: float | None,
    *,
    by_server: bool,
) -> None:
    # `_iterator` and `_resource_closers` are Django's own names (the same since 3.2). By the
    # public way, `response.streaming_content = ...`, the clean-up of a sync body would run
    # outside of its Context and that of an async body never; files would lose zero-copy.
    # docs/explanation/django.md explains the reasons.
    stream = wrap(
        response._iterator,  # noqa: SLF001 - see above
        handle,
        config,
        closers=_closers(response),
        size_of=measure_of(response.charset),
        requested=requested,
        is_async=response.is_async,
        carrier=carrier,
    )
    response._iterator = stream  # noqa: SLF001 - see above
    close = hand_over(response, stream) if by_server else partial(close_here, stream)
    response._resource_closers[:] = [close]  # noqa: SLF001 - see above


def _ask_for_metadata(request: HttpRequest, response: Any, handle: Handle) -> None:
    send = partial(
        bind_extra_stream_metadata.send_robust, request=request, response=response, stream=handle
    )
    guarded(send, type(response), default=None)  # robust against receivers, but not async ones


def _facts(request: HttpRequest, response: Any, route: str | None) -> Facts:
    return Facts(
        method=request.method,
        route=route,
        status=response.status_code,
        path=request.path,
        content_type=response.get("Content-Type"),
        resumed=LAST_EVENT_ID in request.META,
        may_append="Content-Length" not in response and "Content-Encoding" not in response,
    )


def route_of(request: HttpRequest) -> str | None:
    """The pattern that the URL resolver took; `/` for the empty one."""
    match = getattr(request, "resolver_match", None)
    return None if match is None else match.route or "/"


def _closers(response: Any) -> list[Callable[[], object]]:
    """Django's own closers, after that of an iterator which is not the body itself.

    Django closes what has a `close` itself, the body, and leaves to the garbage collector what the
    body's `__iter__` or `__aiter__` has made. docs/explanation/cleanup.md has the table.
    """
    iterator = response._iterator  # noqa: SLF001 - see above
    closers = list(response._resource_closers)  # noqa: SLF001 - see above
    for closer in closers:
        if getattr(closer, "__self__", None) is iterator:
            return closers
    if isgenerator(iterator):
        return [iterator.close, *closers]
    # The core takes an iterator that has a `close` for the body, whose closers Django knows.
    if response.is_async and hasattr(iterator, "close") and hasattr(iterator, "aclose"):
        return [iterator.aclose, *closers]
    return closers
