"""The end of a process: closes open streams and flushes the backends."""

from __future__ import annotations

import atexit
import signal
import threading
import time
from contextlib import contextmanager, suppress
from functools import cache, partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from streaminstr import _exchange as exchange
from streaminstr._calls import loop
from streaminstr._calls.guard import call, guarded
from streaminstr._core.life import open_lives
from streaminstr._process.drain import STILL_ACCEPTS, drain, end_the_process
from streaminstr._process.handlers import cuts_responses, without_vendors
from streaminstr.types import SupportsFlush

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streaminstr.types import Backend

_LOOK_AGAIN = 0.01
"""How often to look at streams that were asked to end, in seconds."""
_LONGEST_REASON = 200
_AT_EXIT = 1.0
"""How long interpreter exit may be delayed, in seconds."""


def close_open_streams(deadline: float) -> None:
    """Close every open stream as cancelled by the server; at `deadline`, its scope alone."""
    with _stopping():
        streams = _open_streams()
        try:
            for stream in streams:
                guarded(partial(stream.close, cancelled_by="server"), default=None)
            _wait(streams, deadline)
        finally:  # a signal's handler may raise while a body cleans up
            for stream in filter(_is_open, streams):
                guarded(stream.give_up, default=None)


def close_stream(id: str, *, reason: str = "") -> bool:  # noqa: A002 - as `current_stream().id`
    """End an open stream of this process as cancelled by the server. Returns whether it is open.

    `reason` is set on its span and closing event as `streaminstr.close_reason`, cut to 200
    characters and without terminal control characters. The call does not wait for the end: a step
    that waits on an event loop is interrupted, any other body ends at its next step.
    """
    for life in open_lives():
        stream = life.held()
        if life.handle.info.stream_id == id and stream is not None:
            stream.end_soon("server", "".join(filter(str.isprintable, reason))[:_LONGEST_REASON])
            return True
    return False


def flush(backends: Iterable[Backend], deadline: float) -> None:
    """Have the backends that buffer send their data, until `deadline`."""
    for backend in backends:
        if guarded(isinstance, backend, SupportsFlush, default=False):
            call(backend, "flush", max(deadline - monotonic(), 0.0), default=None)


@cache
def shut_down_at_exit(shutdown: Callable[[float], None]) -> None:
    """Register `shutdown` with `atexit`, once.

    Called with the first stream and not before, because what is registered last runs first: a
    vendor that has registered its own exit handler still works when the last scopes close.
    """
    atexit.register(shutdown, _AT_EXIT)


def watch() -> None:
    """Record SIGTERM as the reason why streams are cut short, then call the previous handler.

    Does nothing outside the main thread, where Python allows no signal handlers.
    """
    before = signal.getsignal(signal.SIGTERM)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and before is not None and not isinstance(before, _Terminate):
        with suppress(ValueError):  # in a sub-interpreter, which has no signals
            signal.signal(signal.SIGTERM, _Terminate(before))


class _Terminate:
    """A SIGTERM handler that records the signal, then calls the previous handler."""

    def __init__(self, before: Callable[..., Any] | int) -> None:
        self._before = before
        self._during_drain = without_vendors(before)

    def __call__(self, number: int, frame: Any) -> None:
        exchange.shutting_down = True
        before = self._before
        if drain.begin(accepting=STILL_ACCEPTS):
            # It may have begun before. A second signal does not wait for its end.
            if drain.then is None and cuts_responses(self._during_drain):
                drain.then = end_the_process  # once the streams have ended
                return
            if drain.then is None:
                before = self._during_drain
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


@contextmanager
def _stopping() -> Iterator[None]:
    before, exchange.shutting_down = exchange.shutting_down, True
    try:
        yield
    finally:
        exchange.shutting_down = before


def _open_streams() -> list[Any]:
    references = (life.stream for life in open_lives())
    return [stream for one in references if one and (stream := one()) is not None]


def _is_open(stream: Any) -> bool:
    return bool(stream._life.is_open)  # noqa: SLF001 - a stream has one, of whatever kind it is


def _wait(streams: list[Any], deadline: float) -> None:
    """Wait for the streams to end; not in a loop's own thread, where that would hold them up."""
    while loop.running() is None and monotonic() < deadline and any(map(_is_open, streams)):
        time.sleep(_LOOK_AGAIN)
