"""What is recorded of the run of a program, and what is different between two of them."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field

NAME = "differential"
"""Of each stream."""
STEPS_TO_THE_END = 8


class ReadTimeout(TimeoutError):
    """As clients have their own."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a program does: `steps` steps at most, then the operations of `then`, then it drops all.

    Chunk `fail_at` raises `error`; in the async programs the consumer is cut while it waits for
    chunk `wait_at`.
    """

    steps: int = STEPS_TO_THE_END
    then: tuple[str, ...] = ()
    fail_at: int | None = None
    error: type[BaseException] | None = None
    wait_at: int | None = None
    pauses: tuple[float, ...] | None = None


@dataclass
class Record:
    """All that is compared of a run."""

    results: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    asked: int = 0
    """How often the body was asked for its iterator: a stream does it once, `tee` twice."""
    may_be_open: bool = False
    must_be_open: bool = False
    """Whether the stream is open when it is dropped."""
    bindings: dict = field(default_factory=dict)
    """What the caller's Context holds afterwards."""
    noise: set = field(default_factory=set)
    """What was said where no consumer sees it: unraisable exceptions, warnings, a loop's."""
    left: int = 0
    """Tasks that are still there."""
    wrong: list = field(default_factory=list)
    """What is wrong with the scope, and with what is current."""


@contextmanager
def listening(record):
    """Take all that is said where no consumer sees it as noise."""
    before, sys.unraisablehook = sys.unraisablehook, lambda said: noise(said.exc_type.__name__)
    noise = record.noise.add
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", DeprecationWarning)  # of `throw` with three arguments
            yield
    finally:
        sys.unraisablehook = before
    for warning in said:
        if "was dropped before its end" not in str(warning.message):
            noise(warning.category.__name__)


def differences(plain, ours):
    """What is not as it is without us."""
    if ours.may_be_open:
        plain.notes.sort(key=str)
        ours.notes.sort(key=str)
    wrong = [
        f"{name}: {getattr(ours, name)}, plain {getattr(plain, name)}"
        for name in ("results", "notes", "bindings", "left")
        if getattr(ours, name) != getattr(plain, name)
    ]
    if ours.asked != min(plain.asked, 1):
        wrong.append(f"asked: {ours.asked}, plain {plain.asked}")
    if ours.noise - plain.noise:
        wrong.append(f"noise: {ours.noise}, plain {plain.noise}")
    return wrong + ours.wrong


def compare(run, kind, consumer, ending):
    """The differences of one program, the fewest there are.

    Who drops a body without closing it gets no call of its `close`. A stream that is dropped
    while it is open calls it, in any order; one that has ended, or was never stepped, may.
    """
    ours = run(kind, consumer, ending, instrumented=True)
    plain = run(kind, consumer, ending, instrumented=False)
    found = differences(plain, ours)
    if found and not ours.must_be_open:
        other = run(kind, consumer, ending, instrumented=False, forget=False)
        found = min(found, differences(other, ours), key=len)
    return found
