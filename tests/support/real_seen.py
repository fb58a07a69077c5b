"""What one visit to a program looks like from outside, and the trouble it leaves behind."""

from __future__ import annotations

import gc
import logging
import re
import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

ADDRESS = re.compile(r"0x[0-9a-f]+|:\d{4,5}\b|\b\d+\.\d+s?\b")
"""What differs from run to run: addresses, ports and durations."""


@dataclass
class Seen:
    """Everything that has to be the same without us and with us."""

    status: object = None
    headers: list = field(default_factory=list)
    body: bytes = b""
    is_complete: bool = False
    error: str | None = None
    current: str | None = None
    """The span that is current where the server goes on."""
    notes: list = field(default_factory=list)
    """What the program noted while it ran and cleaned up, in order."""
    tasks: list = field(default_factory=list)
    """Tasks that are left on the event loop."""


class Trouble(logging.Handler):
    """Log lines from WARNING on, warnings, and errors that no one could raise."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = Counter()

    def add(self, line):
        self.lines[ADDRESS.sub("*", line)] += 1

    def emit(self, record):
        error = "" if not record.exc_info else f" {record.exc_info[1]!r}"
        self.add(f"{record.levelname} {record.name}: {record.getMessage()}{error}")

    def unraisable(self, what):
        self.add(f"unraisable: {what.exc_value!r} in {what.object!r}")

    def of_loop(self, loop, context):
        self.add(f"event loop: {context['message']} {context.get('exception')!r}")


@contextmanager
def trouble():
    """Collect the trouble inside the block, and what the garbage collector finds at its end."""
    found, hook = Trouble(), sys.unraisablehook
    gc.collect()
    sys.unraisablehook = found.unraisable
    logging.getLogger().addHandler(found)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield found
            gc.collect()
    finally:
        logging.getLogger().removeHandler(found)
        sys.unraisablehook = hook
    for warning in caught:
        found.add(f"{warning.category.__name__}: {warning.message}")
