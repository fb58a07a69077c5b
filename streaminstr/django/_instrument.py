"""Give one response its scope, without changing anything else about it."""

from __future__ import annotations

import time
from functools import partial
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from streaminstr import _configure
from streaminstr._caches import close_here
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.guard import guarded
from streaminstr._core.stream import Stream
from streaminstr._exchange import exchange_of, here
from streaminstr._http import is_resumed
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
) -> Handle | None:
    """Give the body of a streaming response a scope, if it has none yet. Never raises.

    `requested` is when the request began, by `time.perf_counter`. Returns the handle of the new
    scope.
    """
    if not _is_undecided(response):
        return None
    return guarded(_instrument, request, response, options, requested, default=None)


async def instrument_later(
    request: HttpRequest,
    response: HttpResponseBase,
    options: Options = NOTHING_MORE,
    *,
    requested: float | None = None,
) -> None:
    """The same in the event loop's thread, which has no connections of the request."""
    handle = instrument(request, response, options, requested=requested)
    if handle is not None:
        await _connections.count_where_the_request_ran(handle)


def leave_out(request: HttpRequest | None, response: HttpResponseBase) -> None:
    """Make `instrument` and an outermost net ignore this response."""
    if _is_undecided(response):
        vars(response)[_MARK] = True
        take_response(request)


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


def _is_undecided(response: Any) -> bool:
    """Whether no decision was made yet. A view may return anything, also None."""
    return getattr(response, "streaming", False) and _MARK not in vars(response)


def _instrument(
    request: HttpRequest,
    response: Any,
    options: Options,
    requested: float | None,
) -> Handle | None:
    vars(response)[_MARK] = True
    take_response(request)
    config = _configure.current()
    if not config.backends:
        return None
    setting, route = conf.loaded(), route_of(request)
    config = sift(config, None if setting is None else setting.config.filter, request, response)
    if not config.backends:
        return None
    if setting is not None and setting.ends_with:
        options = marked(options, setting.ends_with, route)
    if "HTTP_TRACEPARENT" in request.META:
        look_for_trace(config, request.META)
    by_server = may_be_sent_by_server(request, response)
    started_ns = time.time_ns() if by_server else None
    handle = handle_of(config, _facts(request, response, route), options, started_ns)
    if isinstance(response._iterator, Stream | AsyncStream):  # noqa: SLF001 - see _replace_body
        handle = _adopt(request, response, handle, options.name or route, requested)
        _ask_for_metadata(request, response, handle)
    else:
        _ask_for_metadata(request, response, handle)
        _replace_body(request, response, handle, config, requested, by_server=by_server)
    _look_into_django(request, response, handle, route, options, setting)
    return handle


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
    guarded(partial(_connections.prepare, stream, handle, release=release, **kinds), default=None)


def _adopt(
    request: HttpRequest,
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
        carrier=_carrier(request),
    )
    closers, close = response._resource_closers, partial(close_here, stream)  # noqa: SLF001
    closers[:] = [close if closer == stream.close else closer for closer in closers]
    return handle


def _replace_body(
    request: HttpRequest,
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
        carrier=_carrier(request),
    )
    response._iterator = stream  # noqa: SLF001 - see above
    close = hand_over(response, stream) if by_server else partial(close_here, stream)
    response._resource_closers[:] = [close]  # noqa: SLF001 - see above


def _ask_for_metadata(request: HttpRequest, response: Any, handle: Handle) -> None:
    if not bind_extra_stream_metadata.receivers:
        return
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
        resumed=is_resumed(request.META),
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
