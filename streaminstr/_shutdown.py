"""The end of a process: close what is open, send what is buffered."""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from streaminstr import _config
from streaminstr._guard import guarded
from streaminstr._life import open_lives
from streaminstr._scope import SupportsFlush

if TYPE_CHECKING:
    from streaminstr._life import Life


def shutdown(timeout: float = 5.0) -> None:
    """Close every open stream as cancelled by the server, then flush the backends.

    Takes at most about `timeout` seconds for the flushing. Streams may be opened again after it.
    """
    deadline = monotonic() + timeout
    for life in tuple(open_lives):
        _close(life)
    for backend in _config.current().backends:
        if isinstance(backend, SupportsFlush):
            guarded(backend.flush, max(deadline - monotonic(), 0.0), default=None)


def _close(life: Life) -> None:
    stream: Any = life.stream() if life.stream is not None else None
    if stream is not None:
        guarded(partial(stream.close, cancelled_by="server"), default=None)
