"""The scopes of one stream, and the only calls into a backend, all of them guarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streaminstr._core.guard import call, guarded, log_once
from streaminstr.types import SupportsProgress

if TYPE_CHECKING:
    from streaminstr.types import Attribute, Backend, StreamInfo, StreamReport, StreamScope

_FAILED: Any = object()
_kinds: dict[int, type] = {}
"""Types of which a scope was seen: to look again takes long. Each call of one is guarded anyway. By
their ids: a metaclass may have a hash that raises."""


def open_scopes(backends: tuple[Backend, ...], info: StreamInfo) -> list[StreamScope]:
    """A scope of each backend that takes this stream."""
    scopes = []
    for backend in backends:
        scope = call(backend, "open", info, default=None)
        kind = type(scope)
        is_seen = scope is None or id(kind) in _kinds
        if missing := "" if is_seen else guarded(_missing, scope, default="start or close"):
            # Named by its type: its repr may differ each time, or raise.
            _complain(backend, "open", scope, f"a StreamScope: it has no {missing}")
        elif scope is not None:
            _kinds[id(kind)] = kind
            scopes.append(scope)
    return scopes


def start_scopes(opened: list[StreamScope], started: list[StreamScope]) -> dict[str, Attribute]:
    """Start the scopes in their order; puts those that started into `started`.

    Returns the fields that log lines carry. A scope whose `start` raises is not started.
    """
    fields: dict[str, Attribute] = {}
    for scope in opened:
        given = call(scope, "start", default=_FAILED)
        if given is not _FAILED:
            started.append(scope)
            take_fields(scope, "start", given, fields)
    return fields


def close_scopes(scopes: list[StreamScope], final: StreamReport) -> None:
    """Close the scopes, last one first, and take each out of `scopes` as it is called.

    What goes through the guard, because it was aimed at the request, comes out when all are
    closed. What comes before a scope was called comes out at once: a later end repairs it.
    """
    while scopes:
        count = len(scopes)
        try:
            call(scopes[-1], "close", final, default=None, held=scopes)
        except BaseException:
            if len(scopes) < count:
                close_scopes(scopes, final)
            raise
        del scopes[count - 1 :]  # one without a `close` is still there


def show_progress(scopes: list[StreamScope], so_far: StreamReport) -> None:
    """Show the numbers so far in the scopes that can."""
    for scope in tuple(scopes):
        if guarded(isinstance, scope, SupportsProgress, default=False):
            call(scope, "progress", so_far, default=None)


def take_fields(scope: StreamScope, method: str, given: Any, fields: dict[str, Attribute]) -> None:
    """Add the log fields that `method` of a scope has returned to `fields`."""
    if type(given) is dict and not given:
        return
    plain = given if type(given) is dict else guarded(_plain_fields, given, default=None)
    if plain is None or not all(isinstance(name, str) for name in plain):
        _complain(scope, method, given, "a mapping of log fields")
    else:
        fields.update(plain)


def _plain_fields(given: Any) -> dict[Any, Any] | None:
    return dict(given) if isinstance(given, Mapping) else None


def _missing(scope: Any) -> str:
    return " or ".join(
        [one for one in ("start", "close") if not callable(getattr(scope, one, None))]
    )


def _complain(owner: object, method: str, given: Any, expected: str) -> None:
    name = f"{type(owner).__module__}.{type(owner).__qualname__}.{method}"
    log_once(name, f"returned {type(given).__name__} and not {expected}")
