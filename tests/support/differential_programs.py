"""The programs of the differential tests: which ends go with which kinds and consumers."""

from __future__ import annotations

import asyncio

from differential_run import Ending, ReadTimeout

ERRORS = {
    "failed": LookupError,
    "timed out": TimeoutError,
    "timed out reading": ReadTimeout,
    "cancelled": asyncio.CancelledError,
    "interrupted": KeyboardInterrupt,
    "exited": GeneratorExit,
}
AFTERWARDS = {
    "then dropped": (),
    "then closed": ("close",),
    "then stepped": ("step", "step"),
    "then stepped and closed": ("step", "close"),
}

ENDINGS = {
    "exhausted": Ending(),
    "exhausted, then stepped": Ending(then=("step", "step")),
    "exhausted, then closed": Ending(then=("close", "close")),
    "dropped before a step": Ending(steps=0),
    "closed before a step": Ending(steps=0, then=("close",)),
    "dropped": Ending(steps=1),
    "dropped late": Ending(steps=3),
    "closed": Ending(steps=1, then=("close",)),
    "closed late": Ending(steps=3, then=("close",)),
    "closed twice": Ending(steps=2, then=("close", "close")),
    "closed in a thread": Ending(steps=1, then=("close in a thread",)),
    "thrown into before a step": Ending(steps=0, then=("throw", "step")),
    "thrown into": Ending(steps=1, then=("throw", "step", "close")),
    "thrown into by type": Ending(steps=1, then=("throw a type", "step")),
    "thrown into with three": Ending(steps=1, then=("throw three",)),
    "thrown an exit": Ending(steps=2, then=("throw exit", "step")),
    "thrown into after the end": Ending(then=("throw", "throw three")),
    **{
        f"{name}, {after}": Ending(fail_at=1, error=error, then=then)
        for name, error in ERRORS.items()
        for after, then in AFTERWARDS.items()
    },
    "stopped by its body": Ending(fail_at=1, error=StopIteration),
    "stopped by its body, then closed": Ending(fail_at=1, error=StopIteration, then=("close",)),
    "failed at once": Ending(fail_at=0, error=LookupError),
    "timed out at once, then stepped": Ending(fail_at=0, error=TimeoutError, then=("step", "step")),
}


def is_sensible(kind, consumer, ending):
    """Whether a program could be written so."""
    thrown = [one for one in ending.then if one.startswith("throw")]
    begun = "begun" in kind.name and ending.fail_at == 0
    if ending.error is not None and (not kind.fails or begun):
        return False
    if consumer.sends and not kind.sends:
        return False
    if thrown and not (kind.sends and consumer.throws):
        return False
    if thrown and ending.steps == 0 and consumer.closes:
        return False  # what it delegates to is not reached yet
    if not kind.moves and (consumer.hop or "close in a thread" in ending.then):
        return False
    if consumer.only_ends:
        return not set(ending.then) - {"close", "close in a thread"}
    return True
