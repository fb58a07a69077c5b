"""What is closed when a stream is closed: the table in docs/explanation/cleanup.md.

Each part is closed once, the inner one first. If one of them raises, the others are still closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isawaitable, iscoroutinefunction
from types import AsyncGeneratorType, BuiltinMethodType, GeneratorType
from typing import Any

Closer = Callable[[], object]

CLEANED: Any = object()
"""Stands in place of the closers once the body was cleaned up."""


def closers_of(body: Any, iterator: Any, given: Iterable[Closer] | None) -> list[Closer]:
    """Closers of a sync body: the generator that its `__iter__` returned, then its own `close`.

    `given` are the closers of a framework. They include the body's own.
    """
    inner = [iterator.close] if iterator is not body and isinstance(iterator, GeneratorType) else []
    return [*inner, *(own_close(body) if given is None else given)]


def async_closers_of(body: Any, iterator: Any, given: Iterable[Closer] | None) -> list[Closer]:
    """Closers of an async body: its iterator's `aclose`, then its own `aclose`, else `close`."""
    others = given or ()
    owners = [iterator] if iterator is not body else []
    if given is None or not hasattr(body, "close"):
        owners.append(body)
    if given is None and not hasattr(body, "aclose"):
        others = own_close(body)
    unfinished = [owner for owner in owners if not has_finished(owner)]
    return [*(owner.aclose for owner in unfinished if hasattr(owner, "aclose")), *others]


# No ExitStack: from an error of a closer it drops the one that the caller handles meanwhile.
def close_all(closers: list[Closer]) -> None:
    """Call all closers that need no event loop, even if some of them raise.

    Empties the list: that drops the last references to the body, which is freed here.
    """
    try:
        while closers:
            closer = closers.pop(0)
            if not needs_a_loop(closer):
                closer()
    finally:
        if closers:
            close_all(closers)


async def aclose_all(closers: list[Closer]) -> None:
    """Call all closers and await their results, even if some of them raise."""
    try:
        while closers:
            result = closers.pop(0)()
            if isawaitable(result):
                await result
    finally:
        if closers:
            await aclose_all(closers)


def needs_a_loop(closer: Closer) -> bool:
    """Whether the result of `closer` must be awaited."""
    if getattr(closer, "__name__", "") == "aclose":
        return True
    # A generator's or file's `close` is never a coroutine function; to find out is slow.
    return type(closer) is not BuiltinMethodType and iscoroutinefunction(closer)


def own_close(body: Any) -> list[Closer]:
    """The body's `close`, if it has one."""
    close = getattr(body, "close", None)
    return [close] if callable(close) else []


def has_finished(iterator: Any) -> bool:
    """Whether `iterator` is a finished generator."""
    if isinstance(iterator, GeneratorType):
        return iterator.gi_frame is None
    return isinstance(iterator, AsyncGeneratorType) and iterator.ag_frame is None
