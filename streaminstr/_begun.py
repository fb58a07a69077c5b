"""Whether a body was entered before its stream was made.

A generator that holds a context variable's token or a span across its yields can continue only in
the Context in which it was entered. Such a body runs in its caller's Context, and is not isolated.

The search finds generators, also inside iterators of the standard library and unstarted generators,
and in closures. Iterators of other types are not inspected: docs/how-to/prime-a-stream.md.
"""

from __future__ import annotations

import itertools
import sys
from dis import opname
from gc import get_referents
from types import AsyncGeneratorType, CellType, GeneratorType
from typing import Any

_DEPTH = 10
"""How many objects deep a begun generator is looked for. In `chain([first], it)` it is fourth."""
_MANY = 20
"""How many objects are looked at, at each depth. A tuple of more is data, and not looked into."""
_HOLDERS = frozenset(
    {
        *(GeneratorType, AsyncGeneratorType, CellType, type(iter(()))),
        *(map, filter, zip, enumerate),
        *(kind for kind in vars(itertools).values() if isinstance(kind, type)),
    }
)
"""Types that may hold an iterator. Objects of other types are not looked into."""


def is_begun(body: Any) -> bool:
    """Whether `body` is a generator that was entered, or holds one as `chain` and `map` do."""
    level = [body] if type(body) in _HOLDERS else []
    for _ in range(_DEPTH):
        if not level:
            return False
        for one in level:
            kind = type(one)
            if kind is GeneratorType:
                if one.gi_suspended:
                    return True
            elif kind is AsyncGeneratorType and _is_suspended(one):
                return True
        level = [
            held
            for held in get_referents(*level)
            if type(held) in _HOLDERS or (type(held) is tuple and len(held) <= _MANY)
        ][:_MANY]
    return False


def _is_suspended(body: Any) -> bool:
    """Whether an async generator was entered and has not finished."""
    if sys.version_info >= (3, 12):  # pragma: no cover - coverage is measured on 3.11
        return body.ag_suspended  # type: ignore[no-any-return]
    # Before its first step, a generator's last instruction is the one that made it.
    frame = body.ag_frame
    return frame is not None and opname[frame.f_code.co_code[frame.f_lasti]] != "RETURN_GENERATOR"
