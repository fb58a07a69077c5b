"""A thread that is stopped between two instructions of the library, while another one runs."""

from __future__ import annotations

import sys
import threading

from injected import is_ours

LONG = 30
"""Seconds after which a test has failed."""


class Parked:
    """A thread that calls `function` and stops before instruction number `at` of the library's."""

    def __init__(self, at, function):
        self.left = at
        self.is_parked = False
        self.go_on = threading.Event()
        self.moved = threading.Event()
        """It has stopped, or is done."""
        self.other = Other(lambda: self._traced(function), self.moved)

    def __enter__(self):
        self.other.thread.start()
        assert self.moved.wait(LONG)
        return self

    def __exit__(self, *exc_info):
        self.go_on.set()
        self.other.join()

    def _traced(self, function):
        before = sys.gettrace()
        sys._getframe().f_trace_opcodes = True  # Python 3.12 looks for one as it begins to trace
        sys.settrace(self._trace)
        try:
            return function()
        finally:
            sys.settrace(before)

    def _trace(self, frame, event, _):
        if not is_ours(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if self.left < 0 and not self.is_parked:
                self.is_parked = True
                self.moved.set()
                self.go_on.wait(LONG)
        return self._trace


class Other:
    """A thread that calls `function`, and keeps what comes of it; `done` is set at its end."""

    def __init__(self, function, done):
        self.function, self.done = function, done
        self.result = self.error = None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.result = self.function()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self.done.set()

    def join(self):
        self.thread.join(LONG)
        assert not self.thread.is_alive()


def beside(function, *, until):
    """A thread that runs `function`, started; returns when it is done or has reached `until`."""
    other = Other(function, until)
    other.thread.start()
    assert until.wait(LONG)
    return other
