"""Which exceptions are cancellations: those of the libraries that are already imported."""

from __future__ import annotations

import sys
from typing import Any

_CANCELLATIONS = ("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit")


def is_cancellation(error: BaseException) -> bool:
    """Whether `error` cancels a task, greenlet or generator, or is a group of only such errors.

    A trio nursery raises a group if several children were cancelled.
    """
    return consists_of(error, (GeneratorExit, *_cancellations()))


def consists_of(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether `error` is of one of the kinds, or an exception group of only such errors."""
    if isinstance(error, BaseExceptionGroup):
        return all(consists_of(one, kinds) for one in error.exceptions)
    return isinstance(error, kinds)


def _cancellations() -> list[Any]:
    loaded = [(sys.modules.get(module), name) for module, name in _CANCELLATIONS]
    return [getattr(module, name) for module, name in loaded if hasattr(module, name)]
