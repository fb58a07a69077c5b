"""The table that decides how a stream ended."""

import asyncio
from pathlib import Path

import pytest

import outcome_table
from streaminstr import Outcome
from streaminstr._core.outcome import TABLE, Cut, Ending, decide, ending_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "outcomes.md"


def test_the_page_is_written_from_the_table():
    assert PAGE.read_text() == outcome_table.as_markdown(), (
        "run: python tests/support/outcome_table.py > docs/reference/outcomes.md"
    )


@pytest.mark.parametrize("ending", Ending)
def test_every_ending_has_an_outcome(ending):
    assert decide(ending, Cut.NOTHING, list)[0] == TABLE[ending, Cut.NOTHING].outcome


def test_a_pair_that_the_table_does_not_name_counts_as_the_ending_alone():
    assert (Ending.RAISED, Cut.CANCELLATION) not in TABLE
    assert decide(Ending.RAISED, Cut.CANCELLATION, list) == (Outcome.FAILED, None)


def test_each_outcome_is_in_the_table():
    assert {row.outcome for row in TABLE.values()} == set(Outcome)


@pytest.mark.parametrize(("ending", "cut"), TABLE)
def test_only_what_is_cancelled_was_cancelled_by_somebody(ending, cut):
    outcome, cancelled_by = decide(ending, cut, lambda: [None, "client", "server"])
    assert (cancelled_by is not None) == (outcome is Outcome.CANCELLED)


def test_the_first_cause_that_is_known_counts():
    assert decide(Ending.CLOSED, Cut.NOTHING, lambda: [None, "client", "server"]) == (
        Outcome.CANCELLED,
        "client",
    )


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (None, Ending.EXHAUSTED),
        (LookupError(), Ending.RAISED),
        (TimeoutError(), Ending.RAISED),
        (SystemExit(), Ending.STOPPED),
        (KeyboardInterrupt(), Ending.STOPPED),
        (GeneratorExit(), Ending.INTERRUPTED),
        (asyncio.CancelledError(), Ending.INTERRUPTED),
        (BaseExceptionGroup("", [asyncio.CancelledError(), GeneratorExit()]), Ending.INTERRUPTED),
        (BaseExceptionGroup("", [asyncio.CancelledError(), LookupError()]), Ending.RAISED),
    ],
)
def test_what_kind_of_end_an_exception_is(error, ending):
    assert ending_of(error) is ending
