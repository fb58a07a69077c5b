"""The progress thread comes round at each moment of a stream's beginning, and misses none."""

import sys
import threading

from core_fakes import Iterator
from differential.backends import in_force
from injected import Backend, Scope, is_ours
from streaminstr import stream

PATIENCE = 5
"""Seconds after which a stream counts as never shown."""


class Shown(Scope):
    def __init__(self):
        super().__init__()
        self.shown = threading.Event()

    def progress(self, report):
        self.shown.set()


class Pause:
    """Stops this thread for a moment at one call or return of the library's own."""

    def __init__(self, at):
        self.at, self.reached = at, False

    def __call__(self, frame, event, _):
        if is_ours(frame.f_code) and event in ("call", "return"):
            if self.at == 0:
                self.reached = True
                # Longer than the progress thread needs to look at what there is and wait again.
                threading.Event().wait(0.01)
            self.at -= 1


def is_shown_after_a_pause(at):
    """Whether a stream whose first step pauses there is shown; None: it ends before that."""
    backend, pause = Backend(Shown), Pause(at)
    with in_force(backend, progress_interval=0.001), stream(Iterator(1, 2)) as made:
        sys.setprofile(pause)
        try:
            next(made)
        finally:
            sys.setprofile(None)
        shown = backend.scopes[0].shown.wait(PATIENCE)
    return shown if pause.reached else None


def test_a_stream_is_shown_whenever_the_progress_thread_looks():
    at = 0
    while (shown := is_shown_after_a_pause(at)) is not None:
        assert shown, f"never shown after a pause at {at}"
        at += 1
    assert at > 5
