"""For each kind of body, consumer and end: as without us, and the scope says what happened.

The quick suite runs a choice of programs for each kind; with TESTS_DIFFERENTIAL=full all
of them. `test_programs` has those that nobody has thought of.
"""

import os
from functools import partial

import pytest

from differential import async_run, run
from differential.async_consumers import ASYNC_CONSUMERS
from differential.async_programs import ASYNC_ENDINGS, is_sensible_async
from differential.catalogue import ASYNC_KINDS, KINDS
from differential.programs import ENDINGS, is_sensible
from differential.record import compare
from differential.wrapping import CONSUMERS

pytestmark = pytest.mark.differential

FULL = os.environ.get("TESTS_DIFFERENTIAL") == "full"
THOROUGH = {"next", "anext"}
"""The consumers that meet most ends in the quick suite, too."""
BRIEF = (
    "exhausted",
    "closed",
    "waited for",
    "failed, then dropped",
    "timed out, then stepped",
    "cancelled while it waits, then stepped",
)
"""The ends that the others meet: two of them with one kind, the next two with the next."""
RARE = (
    *("timed out reading", "interrupted", "exited", "stopped"),
    *("then closed", "then stepped and closed", "then stepped and aclosed"),
)
"""Errors, and what comes after errors, that only the full run tries."""


def programs(kind, kinds, consumers, endings, is_sensible):
    """The programs for a kind of body: names, consumer, ending."""
    for number, (consumer_name, consumer) in enumerate(consumers.items(), list(kinds).index(kind)):
        for name, ending in endings.items():
            chosen = is_chosen(name, number, thorough=consumer_name in THOROUGH)
            if (FULL or chosen) and is_sensible(kinds[kind], consumer, ending):
                yield f"{consumer_name}: {name}", kinds[kind], consumer, ending


def is_chosen(name, number, *, thorough):
    if thorough:
        return name in BRIEF or (not name.startswith(RARE) and not name.endswith(RARE))
    return name in BRIEF and (BRIEF.index(name) + number) % 3 == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_sync_body_behaves_as_without_us(kind):
    chosen = programs(kind, KINDS, CONSUMERS, ENDINGS, is_sensible)
    found = {name: wrong for name, *program in chosen if (wrong := compare(run.run, *program))}
    assert found == {}


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_an_async_body_behaves_as_without_us(kind, runner):
    run_async = partial(async_run.run, runner)
    chosen = programs(kind, ASYNC_KINDS, ASYNC_CONSUMERS, ASYNC_ENDINGS, is_sensible_async)
    found = {name: wrong for name, *program in chosen if (wrong := compare(run_async, *program))}
    assert found == {}


def test_there_are_enough_kinds():
    assert len(KINDS) >= 40
    assert len(ASYNC_KINDS) >= 40
