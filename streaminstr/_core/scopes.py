"""Opens, starts and closes the scopes of a stream. Only this module calls a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streaminstr._calls.guard import call, guarded, log_once
from streaminstr.types import Backend, StreamInfo, StreamReport, StreamScope, SupportsProgress

_FAILED: Any = object()
_kinds: dict[int, type] = {}
"""Types of scopes that were checked before: checking again is slow, and each call is guarded
anyway. Keyed by id, because the hash of a metaclass may raise."""


def open_scopes(backends: tuple[Backend, ...], info: StreamInfo) -> list[StreamScope]:
    """Open a scope with each backend that accepts this stream."""
    scopes = []
    for backend in backends:
        scope = call(backend, "open", info, default=None)
        kind = type(scope)
        is_seen = scope is None or id(kind) in _kinds
        if missing := "" if is_seen else guarded(_missing, scope, default="start or close"):
            # Reported by its type: its repr may differ each time, or raise.
            _complain(backend, "open", scope, f"a StreamScope: it has no {missing}")
        elif scope is not None:
            _kinds[id(kind)] = kind
            scopes.append(scope)
    return scopes


def start_scopes(opened: list[StreamScope], started: list[StreamScope]) -> dict[str, Any]:
    """Start the scopes in order, and append those that started to `started`.

    Returns the fields for log lines. A scope whose `start` raises counts as not started.
    """
    fields: dict[str, Any] = {}
    for scope in opened:
        given = call(scope, "start", default=_FAILED)
        if given is not _FAILED:
            started.append(scope)
            take_fields(scope, "start", given, fields)
    return fields


def close_scopes(scopes: list[StreamScope], final: StreamReport) -> None:
    """Close the scopes, last one first, and remove each from `scopes` as it is called.

    An exception aimed at the request passes through the guard. Out of a `close`, it propagates
    after all scopes are closed. Before a `close`, it propagates at once: a later end closes them.
    """
    while scopes:
        count = len(scopes)
        try:
            call(scopes[-1], "close", final, default=None, held=scopes)
        except BaseException:
            if len(scopes) < count:
                close_scopes(scopes, final)
            raise
        del scopes[count - 1 :]  # a scope without a `close` is still there


def show_progress(scopes: list[StreamScope], so_far: StreamReport) -> None:
    """Pass the numbers so far to the scopes that support progress."""
    for scope in tuple(scopes):
        if guarded(isinstance, scope, SupportsProgress, default=False):
            call(scope, "progress", so_far, default=None)


def take_fields(scope: StreamScope, method: str, given: Any, fields: dict[str, Any]) -> None:
    """Add `given`, the log fields that `method` of a scope returned, to `fields`."""
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
