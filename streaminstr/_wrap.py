"""From a body to a stream: `stream`, `current_stream`, and what the adapters call."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import ref

from streaminstr import _configure
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.begun import is_begun
from streaminstr._core.exchange import current_exchange
from streaminstr._core.guard import logger
from streaminstr._core.handle import InertHandle, StreamHandle, current, new_id
from streaminstr._core.life import Life
from streaminstr._core.push import PushedStream
from streaminstr._core.stream import Stream
from streaminstr._process.shutdown import shut_down_at_exit
from streaminstr.log.logger import plain_logger
from streaminstr.types import NOTHING, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr import types
    from streaminstr._core.config import Config
    from streaminstr.types import Attribute

ChunkT = TypeVar("ChunkT")
Closers = Iterable["Callable[[], object]"]

_INERT = InertHandle(plain_logger)


def current_stream() -> types.StreamHandle:
    """The handle of the stream whose step or clean-up is running here.

    Outside of a stream it is inert: falsy, its logger logs plainly, everything else does nothing.
    """
    return current.get() or _INERT


@overload
def stream(
    body: Iterable[ChunkT],
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> types.Stream[ChunkT]: ...
@overload
def stream(
    body: AsyncIterable[ChunkT],
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> types.AsyncStream[ChunkT]: ...
def stream(
    body: Any, *, name: str | None = None, attributes: Mapping[str, Attribute] | None = None
) -> Any:
    """Give `body` one scope: a `Stream` for an iterable, an `AsyncStream` for an async iterable.

    `name` is low-cardinality, by default the name of the function that made a generator.
    `attributes` go on the span when it starts. Raises TypeError for what cannot be iterated.
    """
    config = _configure.current()
    return wrap(body, make_handle(config, name or name_of(body), attributes), config)


def wrap(
    body: Any,
    handle: StreamHandle,
    config: Config,
    *,
    closers: Closers | None = None,
    size_of: Callable[[Any], int] | None = None,
    requested: float | None = None,
    is_async: bool | None = None,
) -> Any:
    """A stream over `body`.

    `closers` are what its close calls in place of the body's own `close`, `size_of` returns the
    size of a chunk that is not bytes, `requested` is when the request began, by `perf_counter`.
    `is_async` is for a caller that knows better than the body's methods tell.
    """
    shut_down_at_exit(_configure.shutdown)
    kind = _kind_of(body) if is_async is None else AsyncStream if is_async else Stream
    isolated = not is_begun(body)
    if not isolated:
        _note_begun(handle.info.name)
    exchange = current_exchange.get()
    life = Life(config, handle, exchange=exchange, requested=requested, isolated=isolated)
    stream = kind(life, body, size_of or _size_of, closers)
    if exchange is not None:
        exchange.streams.append(ref(stream, exchange.streams.remove))
    return stream


def push(handle: StreamHandle, config: Config, begun: float) -> PushedStream:
    """A stream that began at `begun`, whose chunks are pushed. Its scope is current at once."""
    shut_down_at_exit(_configure.shutdown)
    life = Life(config, handle, exchange=current_exchange.get(), created=begun)
    return PushedStream(life, _size_of)


def make_handle(
    config: Config,
    name: str,
    attributes: Mapping[str, Attribute] | None,
    started_ns: int | None = None,
) -> StreamHandle:
    """The handle of a stream that is about to be made."""
    info = StreamInfo(
        name=name,
        attributes=dict(attributes) if attributes else NOTHING,
        parent=config.parent,
        started_ns=started_ns,
        stream_id=new_id(),
    )
    return StreamHandle(info, config.logger)


def size_of(chunk: object) -> int:
    """Bytes of a chunk as they go over the wire; 0 of what is neither bytes nor text."""
    if isinstance(chunk, str):
        return len(chunk) if chunk.isascii() else len(chunk.encode("utf-8", "surrogatepass"))
    if isinstance(chunk, bytes | bytearray):
        return len(chunk)
    return chunk.nbytes if isinstance(chunk, memoryview) else 0


_size_of = size_of


def name_of(source: Any) -> str:
    """The name of a function, or of the function that made a generator; else of the type."""
    return getattr(source, "__qualname__", None) or type(source).__qualname__


def _kind_of(body: Any) -> type[Stream[Any] | AsyncStream[Any]]:
    """Stream or AsyncStream. A body that is both counts as sync, as in Django."""
    if isinstance(body, Iterable) or hasattr(body, "__getitem__") or hasattr(body, "__next__"):
        return Stream
    if isinstance(body, AsyncIterable):
        return AsyncStream
    msg = f"a body is an iterable or an async iterable, and {body!r:.80} is neither"
    raise TypeError(msg)


_begun_names: set[str] = set()


def _note_begun(name: str) -> None:
    """Log once for each name that a body is not isolated."""
    if name not in _begun_names:
        _begun_names.add(name)
        logger.info(
            "The body of stream %r was entered before its stream was made, so its steps run in the "
            "caller's Context and its span is not current there. To take the first chunk inside of "
            "the stream, use streaminstr.stream(...).prime().",
            name,
        )
