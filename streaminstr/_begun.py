"""Whether a body was entered before its stream was made.

A generator that holds a token of a context variable across its yields, or a span, can only go on in
the Context in which it was entered. Such a body is stepped where its caller is, and not isolated.
"""

from __future__ import annotations

import gc
import itertools
from dis import opname
from types import AsyncGeneratorType, CellType, GeneratorType
from typing import Any

_DEPTH = 5
"""How many objects deep to look for a begun generator."""
_HOLDERS = frozenset(
    {
        *(GeneratorType, AsyncGeneratorType, CellType, tuple, type(iter(()))),
        *(map, filter, zip, enumerate),
        *(kind for kind in vars(itertools).values() if isinstance(kind, type)),
    }
)
"""Types that may hold an iterator. Objects of other types are not looked into."""


def is_begun(body: Any, depth: int = _DEPTH) -> bool:
    """Whether `body` is a generator that was entered, or holds one as `chain` and `map` do."""
    if type(body) not in _HOLDERS:
        return False
    if isinstance(body, GeneratorType) and body.gi_suspended:
        return True
    if isinstance(body, AsyncGeneratorType) and _is_suspended(body):
        return True
    return depth > 0 and any(is_begun(held, depth - 1) for held in gc.get_referents(body))


def _is_suspended(body: AsyncGeneratorType[Any, Any]) -> bool:
    suspended: bool | None = getattr(body, "ag_suspended", None)  # from Python 3.12 on
    if suspended is not None:
        return suspended
    # Before its first step, a generator's last instruction is the one that made it.
    frame = body.ag_frame
    return frame is not None and opname[frame.f_code.co_code[frame.f_lasti]] != "RETURN_GENERATOR"
