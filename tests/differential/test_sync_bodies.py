"""For each kind of sync body, consumer and end: as without us, and its scope says what was."""

import pytest

import differential_objects
from differential_consumers import CONSUMERS
from differential_kinds import KINDS
from differential_programs import ENDINGS, is_sensible
from differential_run import compare, run

assert differential_objects  # it registers kinds

PAIRS = [
    pytest.param(kind, consumer, id=f"{kind.name}-{name}")
    for kind in KINDS.values()
    for name, consumer in CONSUMERS.items()
    if kind.sends or not consumer.sends
]


@pytest.mark.parametrize(("kind", "consumer"), PAIRS)
def test_a_body_behaves_as_without_us(kind, consumer):
    found = {
        name: wrong
        for name, ending in ENDINGS.items()
        if is_sensible(kind, consumer, ending) and (wrong := compare(run, kind, consumer, ending))
    }
    assert found == {}
