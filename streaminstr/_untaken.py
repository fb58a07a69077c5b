"""Warns once about a client's trace that no tracer of this process continues.

The innermost adapter checks for it, where the span of the request is current. A backend without
`trace_id` has no traces and is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import guarded, logger
from streaminstr._sifted import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._core.config import Config
    from streaminstr.types import Backend


class _State:
    is_said = False


_state = _State()


def look_for_trace(config: Config, carrier: Mapping[str, Any]) -> None:
    """Warn if the request, by its META or ASGI scope, has a trace that a backend does not see."""
    if _state.is_said or not _has_trace(carrier):
        return
    for backend in map(plain, config.backends):
        if not _state.is_said and guarded(_misses, backend, default=False):
            _state.is_said = True
            logger.warning(
                "A request has the header `traceparent`, and the tracer of %s has no current "
                "trace: the span of its stream has no parent. Have that vendor trace the requests, "
                "too: by its launcher, or by its middleware. This is logged once.",
                f"{type(backend).__module__}.{type(backend).__qualname__}",
            )


def _misses(backend: Backend) -> bool:
    ask = getattr(backend, "trace_id", None)
    return ask is not None and ask() is None


def _has_trace(carrier: Mapping[str, Any]) -> bool:
    if "headers" not in carrier:
        return "HTTP_TRACEPARENT" in carrier
    headers = carrier["headers"]
    # What can be read once is the application's to read.
    return not isinstance(headers, Iterator) and any(name == b"traceparent" for name, _ in headers)
