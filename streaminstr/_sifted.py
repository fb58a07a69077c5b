"""Selects streams: RATIO and FILTER of one backend, and the FILTER of all backends.

Rules: RATIO is applied once, when the stream is created. It uses the lowest 64 bits of the current
trace id if the backend knows one, as OpenTelemetry's ratio sampler does, so a trace is kept as a
whole. Without a trace it uses the stream's random id, so all backends share one draw. A FILTER gets
the framework's request and response, so only adapters call it.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import call, guarded
from streaminstr._core.scopes import open_scopes
from streaminstr.types import StreaminstrError, SupportsFlush

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr._core.config import Config
    from streaminstr.types import Backend, StreamInfo, StreamScope

    Filter = Callable[[Any, Any], bool]

_NUMBERS = 2**64
TAKES_FILTER = "a function (request, response) -> bool, or the dotted path of one"
TAKES_RATIO = "a number from 0 to 1: 0.05 is one stream in twenty"


class Sifted:
    """A backend that takes some of the streams."""

    def __init__(self, backend: Backend, ratio: float | None, filter: Filter | None) -> None:  # noqa: A002 - as the key
        self.backend, self.filter = backend, filter
        self._below = _NUMBERS if ratio is None else round(ratio * _NUMBERS)
        self._knows_traces = callable(getattr(backend, "trace_id", None))

    @property
    def gap_bounds(self) -> Any:
        return getattr(self.backend, "gap_bounds", ())

    def open(self, info: StreamInfo) -> StreamScope | None:
        if self._below < _NUMBERS and self._number_of(info) >= self._below:
            return None
        # By the core's own function: it names the backend where that goes wrong.
        scopes = open_scopes((self.backend,), info)
        return scopes[0] if scopes else None

    def refused(self, info: StreamInfo) -> None:
        """Pass on that a limit has refused a stream: refusals are counted in full."""
        if hasattr(self.backend, "refused"):
            call(self.backend, "refused", info, default=None)

    def flush(self, timeout: float) -> None:
        if isinstance(self.backend, SupportsFlush):
            call(self.backend, "flush", timeout, default=None)

    def _number_of(self, info: StreamInfo) -> int:
        """The trace's number, below 2**64, or that of a stream without a trace."""
        trace_id = call(self.backend, "trace_id", default=None) if self._knows_traces else None
        if isinstance(trace_id, int) and trace_id:
            return trace_id % _NUMBERS
        return int(info.stream_id, 16)


def plain(backend: Backend) -> Backend:
    """The backend itself, without what chooses its streams."""
    return backend.backend if isinstance(backend, Sifted) else backend


def sift(config: Config, wanted_by: Filter | None, request: Any, response: Any) -> Config:
    """The config of a response, without the backends whose FILTER excludes it.

    It has no backends if `wanted_by`, the FILTER of all backends, excludes the response. A filter
    that raises excludes nothing.
    """
    if wanted_by is not None and not _is_in(wanted_by, request, response):
        return replace(config, backends=(), announce=None)
    left_out = []
    for one in config.backends:
        if isinstance(one, Sifted) and one.filter is not None:
            left_out += [] if _is_in(one.filter, request, response) else [one]
    if not left_out:
        return config
    kept = (one for one in config.backends if not any(one is other for other in left_out))
    return replace(config, backends=tuple(kept))


def _is_in(wanted_by: Filter, request: Any, response: Any) -> bool:
    return bool(guarded(wanted_by, request, response, default=True))


def is_ratio(value: Any) -> bool:
    """Whether `value` is a share of all streams."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def filter_of(name: str, given: Any) -> Filter | None:
    """The function that a FILTER called `name` is; raises StreaminstrError."""
    chosen = _imported(name, given) if isinstance(given, str) else given
    if chosen is None:
        return None
    if not callable(chosen):
        msg = f"{name} is {chosen!r:.80}. It takes {TAKES_FILTER}."
        raise StreaminstrError(msg)
    _check_parameters(name, chosen)
    return chosen  # type: ignore[no-any-return]


def _imported(name: str, path: str) -> Any:
    from pkgutil import resolve_name  # noqa: PLC0415 - slow to import, and rarely used

    try:
        return resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        msg = f"{name} is {path!r}, which cannot be imported: {error}."
        raise StreaminstrError(msg) from error


def _check_parameters(name: str, chosen: Callable[..., Any]) -> None:
    """Raise StreaminstrError for what cannot be called with two arguments, or must be awaited."""
    called = getattr(chosen, "__qualname__", repr(chosen))
    if inspect.iscoroutinefunction(chosen):
        msg = f"{name} is the coroutine function {called}, which is not awaited. Write a plain one."
        raise StreaminstrError(msg)
    try:
        signature = inspect.signature(chosen)
    except ValueError:  # of some functions that are written in C
        return
    try:
        signature.bind(None, None)
    except TypeError as error:
        msg = f"{name} is {called}{signature}, and is called with (request, response): {error}."
        raise StreaminstrError(msg) from error
