"""Handlers of SIGTERM that were there before ours: what of them a drain must come before."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[..., Any] | int

_DATADOG = "ddtrace.internal."


def without_vendors(handler: Handler) -> Handler:
    """The handler that `handler` wraps, if it is ddtrace's; otherwise `handler` itself.

    ddtrace's stops its tracer, which drops the spans that end later: all those of a drain. At the
    bottom it has SIGTERM do its default.
    """
    while _module(handler).startswith(_DATADOG):
        names = getattr(getattr(handler, "__code__", None), "co_freevars", ())
        cells = getattr(handler, "__closure__", None) or ()
        wrapped = dict(zip(names, cells, strict=True)).get("old_signal")
        handler = signal.SIG_DFL if wrapped is None else wrapped.cell_contents
    return handler


def cuts_responses(handler: Handler) -> bool:
    """Whether it ends the process, or its responses, at once: twisted's does, which daphne has."""
    return handler == signal.SIG_DFL or _module(handler).startswith("twisted.")


def _module(handler: Handler) -> str:
    return getattr(handler, "__module__", None) or ""
