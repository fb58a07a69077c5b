"""The end of a process: close what is open, send what is buffered."""

from __future__ import annotations

import atexit
import signal
import threading
import time
from contextlib import contextmanager
from functools import cache, partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from streaminstr import _config, _exchange, _loop
from streaminstr._guard import guarded
from streaminstr._life import open_lives
from streaminstr._scope import SupportsFlush

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK_AGAIN = 0.01
"""Seconds between two looks at streams that were asked to end."""
_AT_EXIT = 1.0
"""Seconds that the end of the interpreter may take longer for our sake."""


def shutdown(timeout: float = 5.0) -> None:
    """Close every open stream as cancelled by the server, then flush the backends.

    A stream that cannot end at once, because a step is running or because its clean-up is for
    another thread's loop, has until `timeout`, in seconds; then its scope is closed over its
    head. The backends have what is left of the time. Streams may be opened again after it.
    """
    deadline = monotonic() + timeout
    with _stopping():
        streams = _open_streams()
        for stream in streams:
            guarded(partial(stream.close, cancelled_by="server"), default=None)
        _wait(streams, deadline)
        for stream in filter(_is_open, streams):
            guarded(stream.give_up, default=None)
    for backend in guarded(_config.current, default=_config.OFF).backends:
        if isinstance(backend, SupportsFlush):
            guarded(backend.flush, max(deadline - monotonic(), 0.0), default=None)


@cache
def shut_down_at_exit() -> None:
    """Called with the first stream and not sooner: what is registered last is run first.

    A vendor that registered before us is thereby still at work when our last scopes close.
    """
    atexit.register(shutdown, _AT_EXIT)


def watch() -> None:
    """Have SIGTERM tell why streams are cut short, before whoever handles it now is called.

    Does nothing outside of the main thread, where Python lets nobody handle signals.
    """
    before = signal.getsignal(signal.SIGTERM)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and before is not None and not isinstance(before, _Terminate):
        signal.signal(signal.SIGTERM, _Terminate(before))


class _Terminate:
    """A handler of SIGTERM that notes the fact and leaves the rest to the one before."""

    def __init__(self, before: Callable[..., Any] | int) -> None:
        self._before = before

    def __call__(self, number: int, frame: Any) -> None:
        _exchange.shutting_down = True
        if callable(self._before):
            self._before(number, frame)
        elif self._before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


@contextmanager
def _stopping() -> Iterator[None]:
    before, _exchange.shutting_down = _exchange.shutting_down, True
    try:
        yield
    finally:
        _exchange.shutting_down = before


def _open_streams() -> list[Any]:
    made = (life.stream for life in open_lives())
    return [stream for made_by in made if made_by and (stream := made_by()) is not None]


def _is_open(stream: Any) -> bool:
    return bool(stream._life.is_open)  # noqa: SLF001 - a stream has one, of whatever kind it is


def _wait(streams: list[Any], deadline: float) -> None:
    """Wait for the streams to end; in a loop's own thread that would keep them from it."""
    while _loop.running() is None and monotonic() < deadline and any(map(_is_open, streams)):
        time.sleep(_LOOK_AGAIN)
