"""Awaits something in the current task, with each of its steps run by a given function.

The function is `Context.run` or similar, or a place, which knows the way into the Context. A
separate task would isolate as well, but would break what belongs to a task: anyio's cancel scopes
would raise, and `asyncio.timeout` would never fire.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from typing import Any


@types.coroutine
def within(
    run: Callable[..., Any], function: Callable[..., Any], *arguments: Any
) -> Generator[Any, Any, Any]:
    """Await `function(*arguments)`. `run` runs the call and each send and throw of the loop."""
    steps = run(steps_of, run(function, *arguments))
    try:
        signal = run(next, steps)
    except StopIteration as end:  # it did not wait for anything
        return end.value
    return (yield from relay(run, steps, signal))


@types.coroutine
def relay(
    run: Any, steps: Any, signal: Any, until: Any = (), stream: Any = None, place: Any = None
) -> Generator[Any, Any, Any]:
    """Yield `signal`, and what `steps` yields after it, to the event loop; pass its answers back.

    Returns what `steps` returns; None if it yields `until`. `stream.awaited` is what the loop is
    waiting for: code that ends the stream from outside can cancel only that.
    """
    while signal is not until:
        if stream is not None:
            stream.awaited = signal
        try:
            answer = yield signal
            call = steps.send
        except BaseException as error:  # noqa: BLE001 - the body handles it
            answer, call = error, steps.throw
        if stream is not None:
            stream.awaited = None
        try:
            signal = (run.way() if run is place else run)(call, answer)
        except StopIteration as end:
            return end.value
        except BaseException as error:
            if stream is None or not stream.is_interrupt(error):
                raise
            return stream.last_chunk()
        finally:
            del answer  # no reference cycle through the traceback
    return None


async def _no_chunks() -> Any:
    yield  # pragma: no cover - only its type is used


_asend = _no_chunks().asend(None)
_asend.close()
ASEND = type(_asend)
"""The type of a step of an async generator."""


def steps_of(awaitable: Any) -> Any:
    """The generator, or an object with the same methods, that `await` drives."""
    if type(awaitable) in (types.GeneratorType, ASEND):
        return awaitable
    steps = awaitable.__await__()
    return steps if hasattr(steps, "send") else _delegate(steps)


def _delegate(steps: Any) -> Generator[Any, Any, Any]:
    return (yield from steps)
