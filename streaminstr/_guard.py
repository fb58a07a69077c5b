"""The one place that swallows exceptions: instrumentation never breaks the body."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ResultT = TypeVar("ResultT")
DefaultT = TypeVar("DefaultT")

logger = logging.getLogger("streaminstr")
errors: Counter[str] = Counter()
"""How often each kind of error was swallowed: `shop.telemetry.MyScope.close: ValueError`."""


def guarded(
    function: Callable[..., ResultT], *arguments: Any, default: DefaultT
) -> ResultT | DefaultT:
    """Call what is not ours; when it raises, say so once for each kind and give `default`."""
    try:
        return function(*arguments)
    except BaseException as error:  # noqa: BLE001 - the promise of this module
        report(function, f"{type(error).__name__}", error)
        return default


async def guarded_await(function: Callable[[], Awaitable[object]]) -> None:
    """The same for what has to be awaited. Who cancels the task that awaits it is obeyed."""
    try:
        await function()
    except Exception as error:  # noqa: BLE001 - the promise of this module
        report(function, f"{type(error).__name__}", error)


def report(function: Callable[..., Any], problem: str, error: BaseException | None = None) -> None:
    """Count a misbehaviour of `function`; log the first of its kind.

    The log call is guarded in its turn, since a logger is not ours either. That ends at the
    second turn, when the kind is known already.
    """
    kind = f"{_name_of(function)}: {problem}"
    errors[kind] += 1
    if errors[kind] == 1:
        guarded(_log_once, kind, error, default=None)


def _log_once(kind: str, error: BaseException | None) -> None:
    logger.error(
        "%s. The response goes on without it; this is logged once for each kind.",
        kind,
        exc_info=error,
    )


def _name_of(function: Callable[..., Any]) -> str:
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", type(function).__name__)
    if owner is None:
        return f"{getattr(function, '__module__', '?')}.{name}"
    return f"{type(owner).__module__}.{type(owner).__qualname__}.{name}"
