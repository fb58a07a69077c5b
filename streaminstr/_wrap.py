"""Turns a body into a stream: `stream`, `current_stream`, and the functions for adapters."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Iterable
from dataclasses import fields
from os import urandom
from types import GeneratorType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from streaminstr import _configure
from streaminstr._begun import is_begun
from streaminstr._calls.guard import guarded, logger
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.handle import current
from streaminstr._core.life import Life
from streaminstr._core.stream import Stream
from streaminstr._events import counter_of, markers_of
from streaminstr._exchange import exchange_of, here
from streaminstr._handle import Handle, report_misuse
from streaminstr._inert import InertHandle
from streaminstr._push import PushedStream
from streaminstr._texts import PLAIN
from streaminstr.log.logger import plain_logger
from streaminstr.types import NOTHING, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from streaminstr import types
    from streaminstr._core.config import Config
    from streaminstr._events import Kind, Marker
    from streaminstr._exchange import Exchange
    from streaminstr.types import Attribute

ChunkT = TypeVar("ChunkT")
Closers = Iterable["Callable[[], object]"]

_INERT = InertHandle(plain_logger)


def current_stream() -> types.StreamHandle:
    """Return the handle of the stream whose step or clean-up is running.

    Outside of a stream the handle is falsy and does nothing. Its logger adds nothing to log lines.
    """
    handle: Any = current.get()
    return handle or _INERT


@overload
def stream(
    body: Iterable[ChunkT],
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    kind: Kind | None = None,
    ends_with: Marker | None = None,
) -> types.Stream[ChunkT]: ...
@overload
def stream(
    body: AsyncIterable[ChunkT],
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    kind: Kind | None = None,
    ends_with: Marker | None = None,
) -> types.AsyncStream[ChunkT]: ...
def stream(
    body: Any,
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    kind: Kind | None = None,
    ends_with: Marker | None = None,
) -> Any:
    """Wrap `body`: a `Stream` for an iterable, an `AsyncStream` for an async iterable.

    `name` has low cardinality; by default it is the name of the generator function. `attributes`
    are set on the span when it starts. `kind="sse"` counts the events of an event stream.
    `ends_with` are the last bytes of a complete body, or its last event: a body that ends without
    it has failed. Raises TypeError if `body` cannot be iterated, and for an invalid `ends_with`;
    inside a running body an invalid `ends_with` is logged and ignored.
    """
    config = _configure.current()
    called = name or name_of(body)
    markers = () if ends_with is None else _markers_of(ends_with)
    handle = make_handle(config, called, attributes, kind=kind, markers=markers)
    handle.named = bool(name)
    return wrap(body, handle, config)


def wrap(
    body: Any,
    handle: Handle,
    config: Config,
    *,
    closers: Closers | None = None,
    size_of: Callable[[Any], int] | None = None,
    requested: float | None = None,
    is_async: bool | None = None,
    carrier: Mapping[str, Any] | None = None,
) -> Any:
    """A stream over `body`.

    `closers` are called at the end instead of the body's own `close`. `size_of` returns the size
    in bytes of a chunk that is not bytes. `requested` is the start of the request, by
    `perf_counter`. `is_async` overrides what the methods of the body suggest. `carrier` is the ASGI
    scope or WSGI environ of the response whose body this is.
    """
    _configure.stream_begins(config)
    make = _kind_of(body) if is_async is None else AsyncStream if is_async else Stream
    if not (isolated := not is_begun(body)):
        _note_begun(handle.info.name)
    exchange = here() if carrier is None else exchange_of(carrier)
    life = Life(config, handle, exchange=exchange, requested=requested, isolated=isolated)
    stream = make(life, body, *handle.counting(size_of or _size_of), closers=closers)
    if exchange is not None and carrier is not None:
        exchange.own(stream)
    elif exchange is not None:
        exchange.note(stream)
    return stream


def adopt(
    stream: Any,
    described: Handle,
    *,
    is_named: bool,
    size_of: Callable[[Any], int],
    requested: float | None,
    carrier: Mapping[str, Any],
) -> Handle:
    """Use a stream that the application has created as the body of its response.

    `described` has the adapter's name and attributes. Those of the application take precedence: the
    adapter's name is used only if the stream has none and `is_named` is true, and the adapter's
    attributes are added. Returns the stream's own handle.
    """
    life, info = stream._life, described.info  # noqa: SLF001 - every kind has one
    handle: Handle = life.handle
    if not handle.says_kind and not life.started:
        handle.counter = described.counter
    handle.may_append = described.may_append
    stream.size_of, stream.plain = handle.counting(size_of)
    handle.facts = {**described.facts, **handle.facts}
    name = info.name if is_named and not handle.named else handle.info.name
    life.request_began(requested)
    handle.describe(name, {**info.attributes, **handle.info.attributes}, has_started=life.started)
    if (exchange := exchange_of(carrier)) is not None:
        exchange.own(stream)
    return handle


def push(handle: Handle, config: Config, exchange: Exchange | None, begun: float) -> PushedStream:
    """A stream that began at `begun`, with pushed chunks. Its scope is current from now on."""
    _configure.stream_begins(config)
    life = Life(config, handle, exchange=exchange, created=begun)
    return PushedStream(life, *handle.counting(_size_of))


def settle(stream: Stream[Any], size: int | None) -> None:
    """End a stream that was never stepped because the server sent its file itself.

    `size` is the file's in bytes, None where it is unknown.
    """
    life = stream._life  # noqa: SLF001 - every kind has one
    if not life.started:
        stream._iterator = stream._ended  # noqa: SLF001 - it has no chunks of its own
        life.handle.facts = {**life.handle.facts, "zero_copy": True}
        life.enter(life.begin)
        stream.size, stream.begun = size, life.handle.created  # type: ignore[assignment] # None: unknown
        life.enter(life.end, stream)


def enclose(handle: Handle, config: Config, exchange: Exchange, context: Context) -> Life:
    """The life of a stream whose steps run in `context` itself, the one of a WSGI response.

    A token is bound to its Context object: what the application or a middleware has entered in this
    Context can be exited only there, and not in a copy.
    """
    _configure.stream_begins(config)
    return Life(config, handle, exchange=exchange, context=context)


def make_handle(
    config: Config,
    name: str,
    attributes: Mapping[str, Attribute] | None,
    started_ns: int | None = None,
    *,
    kind: Kind | None = None,
    markers: tuple[bytes, ...] = (),
    resumed: bool = False,
) -> Handle:
    """The handle of a stream that is about to be created.

    `resumed`: the request had the header `Last-Event-ID`.
    """
    texts = config.texts if isinstance(config, _configure.Settings) else PLAIN
    attributes = texts.cut_all(attributes) if attributes else NOTHING
    info, stream_id = StreamInfo.__new__(StreamInfo), urandom(8).hex()
    values = (name, attributes, config.parent, started_ns, stream_id, texts.span_name)
    for put, value in zip(_PUT, values, strict=True):
        put(info, value)
    handle = Handle(info)
    handle.texts = texts
    if kind is not None or markers or config.gap_bounds:
        handle.counter = counter_of(kind, markers, config.gap_bounds)
    handle.says_kind = bool(kind or markers)
    if resumed:
        handle.facts = {"resumed": True}
    return handle


_PUT = [getattr(StreamInfo, field.name).__set__ for field in fields(StreamInfo)]
"""The setters of the fields, in their order. As a frozen dataclass StreamInfo itself calls
`object.__setattr__` for each, which takes three times as long."""


def size_of(chunk: object) -> int:
    """Size of a chunk on the wire, in bytes; 0 if it is neither bytes nor text, or raises."""
    if type(chunk) is bytes:
        return len(chunk)
    if type(chunk) is str:
        return len(chunk) if chunk.isascii() else len(chunk.encode("utf-8", "surrogatepass"))
    return guarded(_size_of_others, chunk, default=0)


def _size_of_others(chunk: object) -> int:
    if isinstance(chunk, str):
        return len(chunk.encode("utf-8", "surrogatepass"))
    if isinstance(chunk, bytes | bytearray):
        return len(chunk)
    return chunk.nbytes if isinstance(chunk, memoryview) else 0


_size_of = size_of


def name_of(source: Any) -> str:
    """The name of a function, or of the function behind a generator; else of the type."""
    return getattr(source, "__qualname__", None) or type(source).__qualname__


def _markers_of(ends_with: Any) -> tuple[bytes, ...]:
    try:
        return markers_of(ends_with)
    except TypeError as error:
        if not current.get():
            raise
        caller = sys._getframe(2)  # noqa: SLF001 - the caller of `stream`
        report_misuse("streaminstr.stream()", str(error), caller)
        return ()


def _kind_of(body: Any) -> type[Stream[Any] | AsyncStream[Any]]:
    """Stream or AsyncStream. A body that is both counts as sync, as in Django."""
    if (
        type(body) is GeneratorType
        or isinstance(body, Iterable)
        or hasattr(body, "__getitem__")
        or hasattr(body, "__next__")
    ):
        return Stream
    if isinstance(body, AsyncIterable):
        return AsyncStream
    msg = f"a body is an iterable or an async iterable, and {body!r:.80} is neither"
    raise TypeError(msg)


_begun_names: set[str] = set()


def _note_begun(name: str) -> None:
    """Log that a body is not isolated, once for each name."""
    if name not in _begun_names:
        _begun_names.add(name)
        logger.info(
            "The body of stream %r was entered before its stream was made, so its steps run in the "
            "caller's Context and its span is not current there. To take the first chunk inside of "
            "the stream, use streaminstr.stream(...).prime().",
            name,
        )
