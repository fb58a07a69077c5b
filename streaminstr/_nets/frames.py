"""Where a call or an exception comes from: by the modules of its frames."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def is_awaited_by(module: str) -> bool:
    """Whether code of `module` is among what awaits the caller, directly or not."""
    if module not in sys.modules:
        return False
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the public `inspect.stack` reads files
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    return frame is not None


def comes_from(module: str, error: BaseException) -> bool:
    """Whether `error` has passed through code of `module`; of a group, all that is in it."""
    if isinstance(error, BaseExceptionGroup):
        return all(comes_from(module, one) for one in error.exceptions)
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__") != module:
        traceback = traceback.tb_next
    return traceback is not None
