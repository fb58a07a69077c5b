"""Give one response its scope, without changing anything else about it."""

from __future__ import annotations

import time
from functools import partial
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from streaminstr import _configure, _http
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.exchange import take_response
from streaminstr._core.guard import guarded
from streaminstr._core.stream import Stream
from streaminstr._wrap import adopt, make_handle, size_of, wrap
from streaminstr.django import conf
from streaminstr.django._files import hand_over, may_be_sent_by_server
from streaminstr.django.signals import bind_extra_stream_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from streaminstr._core.config import Config
    from streaminstr._core.handle import StreamHandle
    from streaminstr.types import Attribute

_MARK = "_streaminstr"
"""An attribute of a response about which it has been decided whether it has a scope."""


def instrument(
    request: HttpRequest,
    response: HttpResponseBase,
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    requested: float | None = None,
) -> None:
    """Put a scope round the body of a streaming response that has none yet; never raises.

    `requested` is when the request began, by `time.perf_counter`.
    """
    if _is_undecided(response):
        guarded(_instrument, request, response, name, attributes, requested, default=None)


def leave_out(response: HttpResponseBase) -> None:
    """Have `instrument` pass this response by, and an outermost net too."""
    if _is_undecided(response):
        vars(response)[_MARK] = True
        take_response()


def _is_undecided(response: Any) -> bool:
    """A view may give anything, also None; what Django says to that is not ours to change."""
    return getattr(response, "streaming", False) and _MARK not in vars(response)


def _instrument(
    request: HttpRequest,
    response: Any,
    name: str | None,
    attributes: Mapping[str, Attribute] | None,
    requested: float | None,
) -> None:
    leave_out(response)
    config = _configure.current()
    if not config.backends or not _is_wanted(request, response):
        return
    described = {**_describe(request, response), **(attributes or {})}
    if isinstance(response._iterator, Stream | AsyncStream):  # noqa: SLF001 - see _replace_body
        _adopt(request, response, name, described, requested)
        return
    by_server = may_be_sent_by_server(request, response)
    handle = make_handle(
        config,
        name or _http.name_of(request.method, _route(request)),
        described,
        time.time_ns() if by_server else None,
    )
    _ask_for_metadata(request, response, handle)
    _replace_body(response, handle, config, requested, by_server=by_server)


def _adopt(
    request: HttpRequest,
    response: Any,
    name: str | None,
    described: Mapping[str, Attribute],
    requested: float | None,
) -> None:
    """Let the stream that the view has made be the response's own: its body, with one scope."""
    route = _route(request)
    handle = adopt(
        response._iterator,  # noqa: SLF001 - see _replace_body
        name=name or (route and _http.name_of(request.method, route)),
        attributes=described,
        size_of=_measure(response.charset),
        requested=requested,
    )
    _ask_for_metadata(request, response, handle)


def _replace_body(
    response: Any,
    handle: StreamHandle,
    config: Config,
    requested: float | None,
    *,
    by_server: bool,
) -> None:
    # `_iterator` and `_resource_closers` are Django's own names (the same since 3.2). By the
    # public way, `response.streaming_content = ...`, the clean-up of a sync body would run
    # outside of its Context and that of an async body never; files would lose zero-copy.
    # docs/explanation/django.md has the whole reason.
    stream = wrap(
        response._iterator,  # noqa: SLF001 - see above
        handle,
        config,
        closers=_closers(response),
        size_of=_measure(response.charset),
        requested=requested,
        is_async=response.is_async,
    )
    response._iterator = stream  # noqa: SLF001 - see above
    close = hand_over(response, stream) if by_server else stream.close
    response._resource_closers[:] = [close]  # noqa: SLF001 - see above


def _is_wanted(request: HttpRequest, response: HttpResponseBase) -> bool:
    found = conf.loaded()
    if found is None or found.wanted is None:
        return True
    return bool(guarded(found.wanted, request, response, default=True))


def _ask_for_metadata(request: HttpRequest, response: Any, handle: StreamHandle) -> None:
    send = partial(
        bind_extra_stream_metadata.send_robust, request=request, response=response, stream=handle
    )
    guarded(send, type(response), default=None)  # robust against receivers, but not async ones


def _describe(request: HttpRequest, response: Any) -> dict[str, Attribute]:
    return _http.describe(
        method=request.method,
        route=_route(request),
        status=response.status_code,
        path=request.path,
        content_type=response.get("Content-Type"),
    )


def _route(request: HttpRequest) -> str | None:
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
    if any(getattr(closer, "__self__", None) is iterator for closer in closers):
        return closers
    if isgenerator(iterator):
        return [iterator.close, *closers]
    # The core takes an iterator that has a `close` for the body, whose closers Django knows.
    if response.is_async and hasattr(iterator, "close") and hasattr(iterator, "aclose"):
        return [iterator.aclose, *closers]
    return closers


def _measure(charset: str) -> Callable[[Any], int]:
    """What gives the size of a chunk as `HttpResponse.make_bytes` will send it."""
    return size_of if charset.lower() == "utf-8" else partial(_size_in, charset)


def _size_in(charset: str, chunk: object) -> int:
    if isinstance(chunk, str):
        return len(guarded(chunk.encode, charset, "replace", default=b""))
    return size_of(chunk)
