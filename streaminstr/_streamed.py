"""The decorator `streamed`: each call of a function that returns a body returns a stream."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, overload

from streaminstr import _configure
from streaminstr._events import markers_of
from streaminstr._wrap import make_handle, name_of, wrap
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from streaminstr import types
    from streaminstr._core.config import Config
    from streaminstr._events import Kind, Marker
    from streaminstr._handle import Handle
    from streaminstr.types import Attribute

P = ParamSpec("P")
ChunkT = TypeVar("ChunkT")


class Decorator(Protocol):
    """Keeps the parameters of what it decorates; the result is a stream."""

    @overload
    def __call__(
        self, function: Callable[P, Awaitable[AsyncIterable[ChunkT]]], /
    ) -> Callable[P, Coroutine[Any, Any, types.AsyncStream[ChunkT]]]: ...
    @overload
    def __call__(
        self, function: Callable[P, Awaitable[Iterable[ChunkT]]], /
    ) -> Callable[P, Coroutine[Any, Any, types.Stream[ChunkT]]]: ...
    @overload
    def __call__(
        self, function: Callable[P, AsyncIterable[ChunkT]], /
    ) -> Callable[P, types.AsyncStream[ChunkT]]: ...
    @overload
    def __call__(
        self, function: Callable[P, Iterable[ChunkT]], /
    ) -> Callable[P, types.Stream[ChunkT]]: ...


class LooseDecorator(Protocol):
    """The same with `pass_stream`. No type says that a parameter is filled in by its name."""

    @overload
    def __call__(
        self, function: Callable[..., Awaitable[AsyncIterable[ChunkT]]], /
    ) -> Callable[..., Coroutine[Any, Any, types.AsyncStream[ChunkT]]]: ...
    @overload
    def __call__(
        self, function: Callable[..., Awaitable[Iterable[ChunkT]]], /
    ) -> Callable[..., Coroutine[Any, Any, types.Stream[ChunkT]]]: ...
    @overload
    def __call__(
        self, function: Callable[..., AsyncIterable[ChunkT]], /
    ) -> Callable[..., types.AsyncStream[ChunkT]]: ...
    @overload
    def __call__(
        self, function: Callable[..., Iterable[ChunkT]], /
    ) -> Callable[..., types.Stream[ChunkT]]: ...


@overload
def streamed(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    pass_stream: Literal[False] = False,
    kind: Kind | None = None,
    ends_with: Marker | None = None,
) -> Decorator: ...
@overload
def streamed(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    pass_stream: Literal[True],
    kind: Kind | None = None,
    ends_with: Marker | None = None,
) -> LooseDecorator: ...
def streamed(
    name: str | None = None,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    pass_stream: bool = False,
    kind: Kind | None = None,
    ends_with: Marker | None = None,
) -> Any:
    """Decorate a function that returns a body, so that each call returns a stream.

    Takes generator functions, async generator functions, and callables and coroutine functions
    that return a body. With `pass_stream` the handle that `current_stream()` returns inside the
    body is passed as the parameter called `stream`. The other options are those of `stream`.
    """
    refuse_bare_use("streamed", name)
    markers = markers_of(ends_with)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        place = _place_of_stream(function) if pass_stream else None

        def arrange() -> tuple[Handle, Config]:
            config, called = _configure.current(), name or name_of(function)
            handle = make_handle(config, called, attributes, kind=kind, markers=markers)
            handle.named = bool(name)
            return handle, config

        return _maker(function, arrange, place)

    return decorate


def _maker(
    function: Callable[..., Any],
    arrange: Callable[[], tuple[Handle, Config]],
    place: int | None,
) -> Callable[..., Any]:
    """Call `function`, and make a stream of the body that it returns or will return."""

    @functools.wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        handle, config = arrange()
        body = _call(function, args, kwargs, place, handle)
        # A cursor that can be awaited as well is a body.
        if inspect.isawaitable(body) and not isinstance(body, Iterable | AsyncIterable):
            return _wrap_later(body, handle, config)
        return wrap(body, handle, config)

    @functools.wraps(function)
    async def make_async(*args: Any, **kwargs: Any) -> Any:
        return await make(*args, **kwargs)

    return make_async if inspect.iscoroutinefunction(function) else make


async def _wrap_later(body: Awaitable[Any], handle: Handle, config: Config) -> Any:
    return wrap(await body, handle, config)


def refuse_bare_use(decorator: str, name: object) -> None:
    """Raise StreaminstrError where a decorator was used without its brackets."""
    if callable(name):
        msg = f"@{decorator} is used without brackets: write @{decorator}()"
        raise StreaminstrError(msg)


def _place_of_stream(function: Callable[..., Any]) -> int:
    """Where `function` takes its parameter `stream`: its position, or a large one for keywords."""
    parameters = inspect.signature(function).parameters
    if "stream" not in parameters:
        msg = (
            f"@streamed(pass_stream=True) passes the parameter 'stream', which "
            f"{name_of(function)}() does not have: add it to its parameters"
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
    handle: Handle,
) -> Any:
    if place is None:
        return function(*args, **kwargs)
    if len(args) < place:
        return function(*args, stream=handle, **kwargs)
    return function(*args[:place], handle, *args[place:], **kwargs)
