"""The programs of the differential tests: which ends go with which kinds and consumers."""

from __future__ import annotations

import asyncio

from differential_consumers import STEPS_TO_THE_END
from differential_run import Ending, ReadTimeout, replace

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

CLOSES = {"aclose", "close", "close in a thread"}
ASYNC_NAMES = {"close": "aclose"}

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
    if "step" in ending.then and not kind.goes_on:
        return False
    if not kind.moves and (consumer.hops or "close in a thread" in ending.then):
        return False
    return True


STOPS_TASKS = {KeyboardInterrupt, GeneratorExit}
"""Exceptions that no task can hand to another."""
ASYNC_ERRORS = {**ERRORS, "stopped": StopAsyncIteration}
ASYNC_AFTERWARDS = {
    "then dropped": (),
    "then aclosed": ("aclose",),
    "then closed": ("close",),
    "then stepped": ("step", "step"),
    "then stepped and aclosed": ("step", "aclose"),
}
SLOW = (0, 5, 0)
"""The second chunk takes more than two waits of a heartbeat loop."""

ASYNC_ENDINGS = {
    **{
        name: replace(ending, then=tuple(ASYNC_NAMES.get(one, one) for one in ending.then))
        for name, ending in ENDINGS.items()
        if ending.error is None
    },
    "closed from the loop": Ending(steps=1, then=("close",)),
    "closed before a step from the loop": Ending(steps=0, then=("close",)),
    "exhausted, then closed from the loop": Ending(then=("close", "aclose")),
    "closed from the loop and aclosed": Ending(steps=1, then=("close", "aclose")),
    **{
        f"{name}, {after}": Ending(fail_at=1, error=error, then=then)
        for name, error in ASYNC_ERRORS.items()
        for after, then in ASYNC_AFTERWARDS.items()
    },
    **{
        f"{name} while it waits, {after}": Ending(steps=1, wait_at=1, then=(operation, *then))
        for name, operation in {"cancelled": "cancel", "dropped": "drop a step"}.items()
        for after, then in ASYNC_AFTERWARDS.items()
    },
    "cancelled in its first step": Ending(steps=0, wait_at=0, then=("cancel", "aclose")),
    "waited for": Ending(pauses=SLOW),
    "waited for, then dropped": Ending(steps=2, pauses=SLOW),
    "waited for, then aclosed": Ending(steps=2, pauses=SLOW, then=("aclose",)),
    "waited for, then closed": Ending(steps=2, pauses=SLOW, then=("close",)),
    "waited for and stepped, then aclosed": Ending(steps=4, pauses=SLOW, then=("aclose",)),
}


def is_sensible_async(kind, consumer, ending):
    """Whether an async program could be written so."""
    hops = consumer.hops or kind.tasks
    if hops and (ending.error in STOPS_TASKS or "throw exit" in ending.then):
        return False
    if kind.tasks and ending.error is StopAsyncIteration:
        return False
    if kind.holds and not is_left_in_its_task(consumer, ending):
        return False
    return is_sensible(kind, consumer, ending)


def is_left_in_its_task(consumer, ending):
    """Whether a program drops nothing that holds a group of tasks."""
    if "drop a step" in ending.then or consumer.hops:
        return False
    if consumer.finishes and any(one.startswith("throw") for one in ending.then):
        return False
    return "aclose" in ending.then or ending.steps == STEPS_TO_THE_END
