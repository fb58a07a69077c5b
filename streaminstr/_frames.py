"""Where a call or an exception comes from: by the modules of its frames."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


def is_awaited_by(module: str) -> bool:
    """Whether code of `module` is among what awaits the caller, directly or not."""
    return _frame_of(module) is not None


def local_of(module: str, name: str) -> Any:
    """The local variable `name` of the code of `module` that awaits the caller; None if none is."""
    frame = _frame_of(module)
    if frame is None:
        return None
    names = frame.f_locals
    value = names.get(name)
    if isinstance(names, dict):  # pragma: no branch - up to Python 3.12
        names.clear()  # a copy, which the frame would keep
    return value


def _frame_of(module: str) -> FrameType | None:
    """The frame of `module` that is nearest to the caller among those that await it."""
    if module not in sys.modules:
        return None
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the public `inspect.stack` reads files
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    return frame


def comes_from(module: str, error: BaseException) -> bool:
    """Whether `error` has passed through code of `module`; of a group, all that is in it."""
    if isinstance(error, BaseExceptionGroup):
        return all(comes_from(module, one) for one in error.exceptions)
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__") != module:
        traceback = traceback.tb_next
    return traceback is not None
