"""Facts about a response when its stream is created, the same for all adapters and nets."""

from __future__ import annotations

from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr._calls.guard import guarded
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.stream import Stream
from streaminstr._http import describe, is_resumed_in, kind_of, name_of, route_of
from streaminstr._wrap import adopt, make_handle, size_of, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from streaminstr._core.config import Config
    from streaminstr._handle import Handle
    from streaminstr.types import Attribute


class Options(NamedTuple):
    """What the application says of the streams of one view or endpoint."""

    name: str | None = None
    attributes: Mapping[str, Attribute] | None = None
    markers: tuple[bytes, ...] = ()
    release_connections: bool | None = None
    """Django's alone: whether to close the database's. None: as the setting says."""
    enabled: bool = True
    """Whether they have a scope."""


class Facts(NamedTuple):
    """What the framework knows of one request and its response."""

    method: str | None
    route: str | None
    status: int | None
    path: str
    content_type: str | None
    resumed: bool = False
    """Whether the request had the header `Last-Event-ID`."""
    may_append: bool = False
    """Whether the body may be longer than the application has made it."""


NOTHING_MORE = Options()


def marked(
    options: Options, ends_with: Mapping[str, tuple[bytes, ...]], route: str | None
) -> Options:
    """`options` with the end markers of the route, where the view or endpoint says none."""
    return options if options.markers else options._replace(markers=ends_with.get(route or "", ()))


def facts_in(scope: Mapping[str, Any], status: int | None, headers: Mapping[str, str]) -> Facts:
    """The facts of a response to the request of an ASGI scope; names of headers in lower case.

    `status` is None before the response is made: then a stream is of what has yet to be encoded,
    and nothing may be appended to it.
    """
    is_plain = {"content-length", "content-encoding"}.isdisjoint(headers)
    return Facts(
        method=scope.get("method"),
        route=route_of(scope),
        status=status,
        path=scope.get("path", ""),
        content_type=headers.get("content-type"),
        resumed=is_resumed_in(scope),
        may_append=status is not None and is_plain,
    )


def handle_of(
    config: Config, facts: Facts, options: Options = NOTHING_MORE, started_ns: int | None = None
) -> Handle:
    """The handle of the stream of a response that is about to be sent."""
    described = describe(
        method=facts.method,
        route=facts.route,
        status=facts.status,
        path=facts.path,
        content_type=facts.content_type,
    )
    handle = make_handle(
        config,
        options.name or name_of(facts.method, facts.route),
        {**described, **(options.attributes or {})},
        started_ns,
        kind=kind_of(facts.content_type),
        markers=options.markers,
        resumed=facts.resumed,
    )
    handle.may_append = facts.may_append
    return handle


def measure_of(charset: str) -> Callable[[Any], int]:
    """The function that measures a chunk as it is sent by a response of this charset."""
    return size_of if charset.lower() == "utf-8" else partial(_size_in, charset)


def _size_in(charset: str, chunk: Any) -> int:
    if issubclass(type(chunk), str):
        return len(guarded(chunk.encode, charset, "replace", default=b""))
    return size_of(chunk)


def given_stream(body: Any, frameworks: Container[str] = ()) -> Any:
    """The stream that the application has made of its body; None if there is none."""
    return held_by(body, (Stream, AsyncStream), frameworks)


def held_by(body: Any, kinds: tuple[type, ...], frameworks: Container[str]) -> Any:
    """The body itself if it is of these kinds, or what it reads; None for anything else.

    One of `frameworks`, by its package, may have put it into a generator of its own.
    """
    if isinstance(body, kinds):
        return body
    frame: Any = getattr(body, "ag_frame", None) or getattr(body, "gi_frame", None)
    module = "" if frame is None else frame.f_globals.get("__name__", "")
    if module.partition(".")[0] not in frameworks:
        return None
    values = (held_by(value, kinds, frameworks) for value in frame.f_locals.values())
    return next((value for value in values if value is not None), None)


def stream_over(
    body: Any,
    described: Handle,
    config: Config,
    frameworks: Container[str],
    size_of: Callable[[Any], int],
    carrier: Mapping[str, Any],
) -> Any:
    """The stream that is in `body` already, now the response's own, or a new one over it."""
    stream = given_stream(body, frameworks)
    if stream is not None:
        adopt(stream, described, is_named=True, size_of=size_of, requested=None, carrier=carrier)
        return stream
    held = held_by(body, (GeneratorType,), frameworks)
    # A thread that has stepped it may drop it last, outside of the stream.
    closers = () if held is None else (held.close,)
    return wrap(body, described, config, closers=closers, size_of=size_of, carrier=carrier)


def add_to(stream: Any, described: Handle) -> None:
    """Add what is known now to a response's own stream, which was made before the response."""
    life = stream._life  # noqa: SLF001 - every kind has one
    handle, info = life.handle, life.handle.info
    attributes = {**described.info.attributes, **info.attributes}
    handle.describe(info.name, attributes, has_started=life.started)


def count_encoded(stream: Any, encode: Callable[[Any], bytes]) -> None:
    """Have `stream` count what `encode` makes of a chunk, and not the chunk itself."""
    take = stream.size_of
    stream.size_of = lambda chunk: take(guarded(encode, chunk, default=b""))
    stream.plain = None


def aclose_too(stream: Any, body: Any) -> None:
    """Have `stream` await the body's `aclose` where it has a `close` as well.

    For a response that awaits `aclose` itself: it has the stream in place of the body. A receive
    stream of anyio has both, and what sends to it waits for that.
    """
    has_both = hasattr(body, "aclose") and hasattr(body, "close")
    if has_both and stream._closers == ():  # noqa: SLF001 - every kind has them
        stream._closers = (body.aclose,)  # noqa: SLF001
