"""From a body to a stream: `stream`, `streamed`, and what the adapters call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import ref

from streaminstr import _config
from streaminstr._exchange import current_exchange
from streaminstr._life import Life, StreamHandle
from streaminstr._scope import NOTHING, StreamInfo, StreaminstrError
from streaminstr._shutdown import shut_down_at_exit
from streaminstr._stream import AsyncStream, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr._config import Config
    from streaminstr._scope import Attribute

ChunkT = TypeVar("ChunkT")
Closers = Iterable["Callable[[], object]"]


@overload
def stream(
    body: Iterable[ChunkT],
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> Stream[ChunkT]: ...
@overload
def stream(
    body: AsyncIterable[ChunkT],
    *,
    name: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> AsyncStream[ChunkT]: ...
def stream(
    body: Any, *, name: str | None = None, attributes: Mapping[str, Attribute] | None = None
) -> Any:
    """Give `body` one scope: a `Stream` for an iterable, an `AsyncStream` for an async iterable.

    `name` is low-cardinality, by default that of the function which made a generator.
    `attributes` go on the span when it starts. Raises TypeError for what cannot be iterated.
    """
    config = _config.current()
    called = name or _name_of(body)
    return wrap(body, StreamHandle(_info(called, attributes, config)), config)


def streamed(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    pass_stream: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate what makes a body, so that each call gives a stream.

    Takes generator functions, async generator functions, and callables and coroutine functions
    that return a body. With `pass_stream` the handle that `current_stream()` gives inside the
    body is passed as the parameter called `stream`.
    """
    refuse_bare_use("streamed", name)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        place = _place_of_stream(function) if pass_stream else None
        called = name or _name_of(function)

        def arrange() -> tuple[StreamHandle, Config]:
            config = _config.current()
            return StreamHandle(_info(called, attributes, config)), config

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def make_async(*args: Any, **kwargs: Any) -> Any:
                handle, config = arrange()
                body = await _call(function, args, kwargs, place, handle)
                return wrap(body, handle, config)

            return make_async

        @functools.wraps(function)
        def make(*args: Any, **kwargs: Any) -> Any:
            handle, config = arrange()
            return wrap(_call(function, args, kwargs, place, handle), handle, config)

        return make

    return decorate


def wrap(
    body: Any,
    handle: StreamHandle,
    config: Config,
    *,
    closers: Closers | None = None,
    measure: Callable[[Any], int] | None = None,
    requested: float | None = None,
    is_async: bool | None = None,
) -> Any:
    """A stream over `body`.

    `closers` are what its close is to call in place of the body's own `close`, `measure` gives
    the size of a chunk that is not bytes, `requested` is when the request began, by `clock`.
    `is_async` is for who knows better than the body's methods tell: an `__iter__` may raise.
    """
    shut_down_at_exit()
    make = _kind_of(body) if is_async is None else AsyncStream if is_async else Stream
    exchange = current_exchange.get()
    life = Life(
        config,
        handle,
        closers=_closers_of(body) if closers is None else closers,
        acloses=closers is None or not hasattr(body, "close"),
        measure=measure or size_of,
        exchange=exchange,
        requested=requested,
    )
    made = make(life, body)
    if exchange is not None:
        exchange.streams.append(ref(made, exchange.streams.remove))
    return made


def refuse_bare_use(decorator: str, name: object) -> None:
    """Raise StreaminstrError where a decorator was used without its brackets."""
    if callable(name):
        msg = f"@{decorator} is used without brackets: write @{decorator}()"
        raise StreaminstrError(msg)


def size_of(chunk: object) -> int:
    """Bytes of a chunk as they go over the wire; 0 of what is neither bytes nor text."""
    if isinstance(chunk, str):
        return len(chunk) if chunk.isascii() else len(chunk.encode("utf-8", "surrogatepass"))
    if isinstance(chunk, bytes | bytearray):
        return len(chunk)
    return chunk.nbytes if isinstance(chunk, memoryview) else 0


def _info(name: str, attributes: Mapping[str, Attribute] | None, config: Config) -> StreamInfo:
    return StreamInfo(
        name=name, attributes=dict(attributes) if attributes else NOTHING, parent=config.parent
    )


def _name_of(made: Any) -> str:
    """Of a function, or of the function that made a generator; else of the type."""
    return getattr(made, "__qualname__", None) or type(made).__qualname__


def _kind_of(body: Any) -> Callable[[Life, Any], Any]:
    """Stream or AsyncStream; where a body is both, Django too takes it for a sync one."""
    if isinstance(body, Iterable) or hasattr(body, "__getitem__"):
        return Stream
    if isinstance(body, AsyncIterable):
        return AsyncStream
    msg = f"a body is an iterable or an async iterable, and {body!r:.80} is neither"
    raise TypeError(msg)


def _closers_of(body: Any) -> Closers:
    """A body's own `close`; an `aclose` is found by the stream, since it must be awaited."""
    close = None if hasattr(body, "aclose") else getattr(body, "close", None)
    return () if close is None else (close,)


def _place_of_stream(function: Callable[..., Any]) -> int:
    """Where `function` takes its parameter `stream`: its position, or a large one for keywords."""
    parameters = inspect.signature(function).parameters
    if "stream" not in parameters:
        msg = (
            f"@streamed(pass_stream=True) passes the parameter 'stream', which "
            f"{_name_of(function)}() does not have: add it to its parameters"
        )
        raise StreaminstrError(msg)
    if parameters["stream"].kind is inspect.Parameter.KEYWORD_ONLY:
        return len(parameters)
    return list(parameters).index("stream")


def _call(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    place: int | None,
    handle: StreamHandle,
) -> Any:
    if place is None:
        return function(*args, **kwargs)
    if len(args) < place:
        return function(*args, stream=handle, **kwargs)
    return function(*args[:place], handle, *args[place:], **kwargs)
