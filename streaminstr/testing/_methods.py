"""The methods of backends and scopes that are missing, and what was perhaps written for them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

OF_BACKEND = ("open", "flush", "trace_id", "refused")
OF_SCOPE = ("start", "close", "progress", "segment")
_REQUIRED = ("open", "start", "close")
_ALIKE = 0.75
"""How much of two names has to be the same, from 0 to 1."""


def missing_in(owner: Any, methods: tuple[str, ...] = OF_SCOPE) -> str:
    """`which has no close(), but clsoe()`: what the contract asks for and is not there."""
    lost = [name for name in methods if name in _REQUIRED and not _has(owner, name)]
    if not lost:
        return ""
    others = [f"{other}()" for name in lost if (other := lookalike(owner, name, methods))]
    rest = f", but {' and '.join(others)}" if others else ""
    return f"which has no {' and no '.join(f'{name}()' for name in lost)}{rest}"


def misspelt_in(owner: Any, methods: tuple[str, ...]) -> list[str]:
    """A sentence for each optional method that is missing while another is named like it."""
    optional = [name for name in methods if name not in _REQUIRED and not _has(owner, name)]
    pairs = ((name, lookalike(owner, name, methods)) for name in optional)
    kind = type(owner).__name__
    return [
        f"{kind} has {other}() and no {name}(), so it is never called. Is {name}() meant?"
        for name, other in pairs
        if other
    ]


def lookalike(owner: Any, method: str, methods: tuple[str, ...]) -> str | None:
    """The public method of `owner` that may be meant as `method`: `clsoe`, `on_close`."""
    others = [
        name
        for name in dir(type(owner))
        if not name.startswith("_") and name not in methods and _has(owner, name)
    ]
    affixed = [name for name in others if name in (f"on_{method}", f"do_{method}", f"{method}_")]
    alike = affixed or get_close_matches(method, others, 1, _ALIKE)
    return alike[0] if alike else None


def _has(owner: Any, name: str) -> bool:
    return callable(getattr(owner, name, None))
