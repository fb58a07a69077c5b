"""Give one response its scope, without changing anything else about it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from streaminstr import StreamInfo, _config
from streaminstr._exchange import take_response
from streaminstr._guard import guarded
from streaminstr._life import StreamHandle
from streaminstr._wrap import size_of, wrap
from streaminstr.django import conf
from streaminstr.django.signals import bind_extra_stream_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from streaminstr._scope import Attribute
    from streaminstr._stream import Stream

_MARK = "_streaminstr"
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)


def instrument(
    request: HttpRequest,
    response: HttpResponseBase,
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    requested: float | None = None,
) -> None:
    """Put a scope round the body of a streaming response that has none yet; never raises."""
    if getattr(response, "streaming", False) and _MARK not in vars(response):
        guarded(_instrument, request, response, name, attributes, requested, default=None)


def leave_out(response: HttpResponseBase) -> None:
    """Have `instrument` pass this response by, and an outermost net too."""
    vars(response)[_MARK] = True
    take_response()


def _instrument(
    request: HttpRequest,
    response: Any,
    name: str | None,
    attributes: Mapping[str, Attribute] | None,
    requested: float | None,
) -> None:
    config = _config.current()
    if not config.backends or not _is_wanted(request, response):
        return
    leave_out(response)
    described = describe(request, response)
    zero_copy = _may_zero_copy(request, response)
    info = StreamInfo(
        name=name or name_of(request),
        attributes={**described, **(attributes or {})},
        parent=config.parent,
        started_ns=time.time_ns() if zero_copy else None,
    )
    handle = StreamHandle(info)
    bind_extra_stream_metadata.send_robust(
        sender=type(response), request=request, response=response, stream=handle
    )
    # `_iterator` and `_resource_closers` are Django's own names (the same since 3.2). By the
    # public way, `response.streaming_content = ...`, the clean-up of a sync body would run
    # outside of its Context and that of an async body never; files would lose zero-copy.
    # docs/explanation/django.md has the whole reason.
    stream = wrap(
        response._iterator,
        handle,
        config,
        closers=_closers(response),
        measure=partial(_sent_size, response.charset),
        requested=requested,
    )
    response._iterator = stream
    close = partial(_close_file, ref(response), stream) if zero_copy else stream.close
    response._resource_closers[:] = [close]


def _is_wanted(request: HttpRequest, response: HttpResponseBase) -> bool:
    found = conf.loaded()
    if found is None or found.wanted is None:
        return True
    return bool(guarded(found.wanted, request, response, default=True))


def name_of(request: HttpRequest) -> str:
    """Method and route pattern: `GET orders/<int:pk>/`. Never the path, which has no bounds."""
    route = _route(request)
    method = _method(request)
    method = "HTTP" if method == "_OTHER" else method
    return method if route is None else f"{method} {route}"


def describe(request: HttpRequest, response: Any) -> dict[str, Attribute]:
    """Attributes of the exchange. No query string, no header of the client, no cookie."""
    known: dict[str, Attribute | None] = {
        "http.request.method": _method(request),
        "http.route": _route(request),
        "http.response.status_code": response.status_code,
        "url.path": request.path,
        "streaminstr.content_type": response.get("Content-Type", "").partition(";")[0] or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _method(request: HttpRequest) -> str:
    """The method, or `_OTHER` as the semantic conventions ask: a client may send any word."""
    return request.method if request.method in _METHODS else "_OTHER"


def _route(request: HttpRequest) -> str | None:
    match = getattr(request, "resolver_match", None)
    return None if match is None else match.route or "/"


def _closers(response: Any) -> Iterable[Any]:
    """Django's own closers, and the `close` of a generator that a body's `__iter__` has made."""
    closers = list(response._resource_closers)
    if hasattr(response._iterator, "gi_frame"):
        closers.append(response._iterator.close)
    return closers


def _sent_size(charset: str, chunk: object) -> int:
    """The size of a chunk as `HttpResponse.make_bytes` will send it."""
    if isinstance(chunk, bytes | bytearray | memoryview):
        return size_of(chunk)
    return guarded(lambda: len(str(chunk).encode(charset)), default=0)


def _may_zero_copy(request: HttpRequest, response: Any) -> bool:
    """Whether the handler gives the file itself to the server, if nothing changes till then."""
    return (
        getattr(response, "file_to_stream", None) is not None
        and request.META.get("wsgi.file_wrapper") is not None
        and request.method != "HEAD"
    )


def _close_file(response: ref[Any], stream: Stream[bytes]) -> None:
    """Close a stream whose file the server may have sent by itself, never stepping it."""
    sent = response()
    if sent is not None and getattr(sent, "file_to_stream", None) is not None:
        length = sent.get("Content-Length", "")
        stream.settle(int(length) if length.isdecimal() else 0)
    stream.close()
