"""The sync programs: how they end, and which ends go with which kinds and consumers."""

from __future__ import annotations

import asyncio

from differential.record import Ending, ReadTimeout

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

STEPS = {"step", "cancel", "drop a step"}
CLOSES = {"aclose", "close", "close in a thread"}

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
    if consumer.only_ends and set(ending.then) - CLOSES:
        return False
    thrown = [one for one in ending.then if one.startswith("throw")]
    if "begun" in kind.name and 0 in (ending.fail_at, ending.wait_at):
        return False
    if (ending.error and not kind.fails) or (consumer.sends and not kind.sends):
        return False
    if kind.not_by == consumer.__name__:
        return False
    if thrown and not (kind.sends and consumer.throws):
        return False
    if thrown and ending.steps == 0 and consumer.closes:
        return False  # what it delegates to is not reached yet
    if STEPS & set(ending.then) and not kind.goes_on:
        return False
    if kind.begun and not (kind.sends and kind.taken) and "close in a thread" in ending.then:
        return False  # it goes where its last reference goes
    if not kind.moves and (consumer.hops or "close in a thread" in ending.then):
        return False
    return True
