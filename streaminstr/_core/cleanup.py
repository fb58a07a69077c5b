"""What a body is owed when its stream is closed: the table of docs/explanation/cleanup.md.

Each part is closed once, inner first, and all of them whatever one of them raises.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from inspect import isawaitable, iscoroutinefunction
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Closer = Callable[[], object]

CLEANED: Any = object()
"""The closers of a stream whose body was cleaned up."""


def closers_of(body: Any, iterator: Any, given: Iterable[Closer] | None) -> list[Closer]:
    """What closes a sync body: the generator that its `__iter__` made, then its own `close`.

    `given` are a framework's closers, which include the body's own.
    """
    inner = [iterator.close] if iterator is not body and isinstance(iterator, GeneratorType) else []
    return [*inner, *(own_close(body) if given is None else given)]


def async_closers_of(body: Any, iterator: Any, given: Iterable[Closer] | None) -> list[Closer]:
    """What closes an async body: its iterator's `aclose`, then its own `aclose`, else `close`."""
    others = given or ()
    owners = [iterator] if iterator is not None and iterator is not body else []
    if given is None or not hasattr(body, "close"):
        owners.append(body)
    if given is None and not hasattr(body, "aclose"):
        others = own_close(body)
    acloses = [owner.aclose for owner in owners if hasattr(owner, "aclose")]
    return [closer for closer in (*acloses, *others) if not _has_finished(closer)]


def close_all(closers: list[Closer]) -> None:
    """Call the closers that need no event loop, all of them even if some raise.

    Empties the list: what a body holds is cleaned up with its last closer, so here, too.
    """
    with ExitStack() as stack:
        while closers:
            closer = closers.pop()
            if not needs_a_loop(closer):
                stack.callback(closer)


async def aclose_all(closers: list[Closer]) -> None:
    """The same for all closers: call them, and await their results."""
    async with AsyncExitStack() as stack:
        while closers:
            stack.push_async_callback(_call, closers.pop())


def needs_a_loop(closer: Closer) -> bool:
    """Whether what `closer` returns is to be awaited."""
    return getattr(closer, "__name__", "") == "aclose" or iscoroutinefunction(closer)


async def _call(closer: Closer) -> None:
    result = closer()
    if isawaitable(result):
        await result


def own_close(body: Any) -> list[Closer]:
    """The body's `close`, where it has one."""
    close = getattr(body, "close", None)
    return [close] if callable(close) else []


def _has_finished(closer: Closer) -> bool:
    """Whether it is the `aclose` of an async generator that has nothing left to clean up."""
    owner = getattr(closer, "__self__", None)
    return isinstance(owner, AsyncGeneratorType) and owner.ag_frame is None
