"""Raise an exception in the midst of the library: at one call of a function of its own."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import streaminstr
from core_fakes import by_hand

PACKAGE = Path(streaminstr.__file__).parent


@cache
def is_ours(code):
    """Whether a code object is the library's. What it ships for tests is not meant."""
    path = Path(code.co_filename)
    return path.is_relative_to(PACKAGE) and not path.is_relative_to(PACKAGE / "testing")


class Injection:
    """Raises `error` at the moment number `at`, once, or calls it to have one raised.

    A moment is the entry of a function of the library. Where a signal is sent, it is the return of
    a function in C that it has called, too: Python looks for signals there.
    """

    def __init__(self, at, error):
        self.at, self.error = at, error
        self.where = None
        """The function that was entered when it was raised, or that had just made a call."""

    def __call__(self, frame, event, function):
        is_moment = event == "call" or (event == "c_return" and callable(self.error))
        if is_moment and self.where is None and is_ours(frame.f_code):
            if self.at == 0:
                self.where = (frame.f_code.co_qualname, getattr(function, "__name__", "entered"))
                if callable(self.error):
                    self.error()
                raise self.error
            self.at -= 1

    @contextmanager
    def armed(self):
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)


class Backend:
    """Keeps its scopes."""

    def __init__(self, scope=None):
        self.scopes = []
        self.scope = scope or Scope

    def open(self, info):
        self.scopes.append(self.scope())
        return self.scopes[-1]


class Scope:
    """Notes what has been done of it. It calls nothing for that, so it needs one frame only."""

    def __init__(self):
        self.calls = ()

    def start(self):
        self.calls += ("start",)
        return {}

    def segment(self, report):
        return {}

    def close(self, report):
        self.calls += ("close",)


def step(made):
    """One step of a stream of either kind, by hand; None at its end."""
    return next(made, None) if hasattr(made, "__next__") else by_hand(chunk_of(made))


def prime(made):
    """Take the first chunk of a stream of either kind, by hand."""
    made.prime() if hasattr(made, "__next__") else by_hand(made.aprime())


async def chunk_of(made):
    """As `anext(made, None)`, in which CPython 3.11 crashes near the limit of recursion."""
    try:
        return await made.__anext__()
    except StopAsyncIteration:
        return None


def close(made):
    """The close of a stream of either kind, by hand."""
    made.close() if hasattr(made, "__next__") else by_hand(made.aclose())


RIGHT = ((), ("start", "close"))


def wrong_scopes(*backends):
    """The calls of each scope that was not closed as often as it was started."""
    return [
        scope.calls for backend in backends for scope in backend.scopes if scope.calls not in RIGHT
    ]


def let_go(streams):
    """Do all that may still end the streams in a list: close, drop, collect, shut down."""
    for number in range(len(streams)):
        with suppress(BaseException):
            close(streams[number])
    streams.clear()
    gc.collect()
    streaminstr.shutdown(0.1)


def forget_frames(error):
    """Let go of what the tracebacks of an exception hold."""
    while error is not None:
        error.__traceback__, error = None, error.__context__
