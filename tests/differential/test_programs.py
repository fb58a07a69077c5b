"""Programs that Hypothesis writes: any kind of body, consumer, number of steps, error and end.

The quick suite tries the same few each time; TESTS_DIFFERENTIAL=full tries many new ones.
"""

import gc
import os
from functools import partial

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from differential import async_run, run
from differential.async_consumers import ASYNC_CONSUMERS
from differential.async_programs import ASYNC_ERRORS, SLOW, is_sensible_async
from differential.catalogue import ASYNC_KINDS, KINDS
from differential.programs import CLOSES, ERRORS, is_sensible
from differential.record import STEPS_TO_THE_END, Ending, compare
from differential.world import CHUNKS
from differential.wrapping import CONSUMERS

pytestmark = pytest.mark.differential

FULL = os.environ.get("TESTS_DIFFERENTIAL") == "full"
CUTS = ["cancel", "drop a step"]
THROWS = ["throw", "throw three", "throw a type", "throw exit"]
SYNC = ["step", "close", "close in a thread", *THROWS]
chunks = st.integers(0, CHUNKS - 1)
steps = st.integers(0, CHUNKS + 1) | st.just(STEPS_TO_THE_END)

chosen = settings(
    max_examples=5000 if FULL else 150,
    derandomize=not FULL,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def endings(draw, operations, errors):
    error = draw(st.none() | st.sampled_from(list(errors)))
    then = draw(st.lists(st.sampled_from(operations), max_size=4))
    fail_at = None if error is None else draw(chunks)
    return Ending(steps=draw(steps), then=tuple(then), fail_at=fail_at, error=error)


@st.composite
def async_endings(draw):
    """An end with an error, or with a step that is cut, or with chunks that take their time."""
    ending = draw(endings([*SYNC, "aclose"], ASYNC_ERRORS.values()))
    how = draw(st.sampled_from(["error", "cut", "slow"]))
    if how == "error":
        return ending
    if how == "slow":
        return Ending(steps=ending.steps, then=ending.then, pauses=SLOW)
    waits = draw(chunks)
    return Ending(steps=waits, wait_at=waits, then=(draw(st.sampled_from(CUTS)), *ending.then))


def goes_on_after_its_close(kind, consumer, ending):
    """Whether a program steps what it has closed, and is no generator, which says what then."""
    closed = [number for number, one in enumerate(ending.then) if one in CLOSES]
    later = set(ending.then[closed[0] + 1 :]) if closed else set()
    defined = kind.sends and kind.goes_on and not consumer.wraps and ending.steps > 0
    return later - CLOSES and not defined


@chosen
@given(
    kind=st.sampled_from(list(KINDS.values())),
    consumer=st.sampled_from(list(CONSUMERS.values())),
    ending=endings(SYNC, ERRORS.values()),
)
def test_a_sync_program_does_what_it_does_without_us(kind, consumer, ending):
    assume(is_sensible(kind, consumer, ending))
    assume(not goes_on_after_its_close(kind, consumer, ending))
    gc.freeze()  # what Hypothesis holds: each program ends with a collection
    assert compare(run.run, kind, consumer, ending) == []


@chosen
@given(
    kind=st.sampled_from(list(ASYNC_KINDS.values())),
    consumer=st.sampled_from(list(ASYNC_CONSUMERS.values())),
    ending=async_endings(),
)
def test_an_async_program_does_what_it_does_without_us(runner, kind, consumer, ending):
    assume(is_sensible_async(kind, consumer, ending))
    assume(not goes_on_after_its_close(kind, consumer, ending))
    gc.freeze()  # what Hypothesis holds: each program ends with a collection
    assert compare(partial(async_run.run, runner), kind, consumer, ending) == []
