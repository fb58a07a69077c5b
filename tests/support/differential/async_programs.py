"""The async programs: how they end, and which ends go with which kinds and consumers."""

from __future__ import annotations

from dataclasses import replace

from differential.programs import ENDINGS, ERRORS, is_sensible
from differential.record import STEPS_TO_THE_END, Ending

ASYNC_NAMES = {"close": "aclose"}
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
    if "drop a step" in ending.then and (consumer.wraps or kind.ends is not False):
        return False  # CPython 3.11 takes the async generator for a running one ever after
    if kind.tasks and ending.error is StopAsyncIteration:
        return False
    if kind.holds and not (consumer.modelled and is_left_in_its_task(consumer, ending)):
        return False
    if not is_closed_by_its_owner(kind, ending):
        return False
    return is_sensible(kind, consumer, ending)


def is_closed_by_its_owner(kind, ending):
    """Whether a plain program could do the same, which can await a close or leave it."""
    begins = ending.then[:1] if ending.steps == 0 else ()
    if {"close", "close in a thread"} & set(begins):
        return False  # no loop is known before the first step, and Django closes nothing then
    return not (kind.begun and {"close", "close in a thread"} & set(ending.then))


def is_left_in_its_task(consumer, ending):
    """Whether a program leaves what is held to the task that has entered it."""
    elsewhere = {"drop a step", "close", "close in a thread", "throw exit"}
    if consumer.hops or elsewhere & set(ending.then) or ending.error is GeneratorExit:
        return False
    return "aclose" in ending.then or ending.steps == STEPS_TO_THE_END
