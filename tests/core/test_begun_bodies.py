"""A body that was entered before it is given to a stream: stepped as without us, and said so once.

tests/differential has the same for each kind of such bodies, consumer and end.
"""

import itertools
from contextvars import ContextVar

import pytest

from core_fakes import by_hand, surroundings
from differential.backends import in_force
from injected import step
from streaminstr import Outcome, stream
from streaminstr.testing import RecordingBackend

held = ContextVar("held", default="nothing")


@pytest.fixture
def backend():
    recording = RecordingBackend()
    with in_force(recording):
        yield recording


def rows(backend):
    """Holds a token across its yields, and gives the stream that is current for the backend."""
    token = held.set("by the body")
    try:
        for _ in range(3):
            yield backend.current
    finally:
        held.reset(token)


async def async_rows(backend):
    token = held.set("by the body")
    try:
        for _ in range(3):
            yield backend.current
    finally:
        held.reset(token)


def begun(backend):
    """A generator that has given its first chunk."""
    body = rows(backend)
    next(body)
    return body


def begun_async(backend):
    body = async_rows(backend)
    by_hand(body.__anext__())
    return body


def rest(first, body):
    yield first
    yield from body


async def async_rest(first, body):
    yield first
    async for chunk in body:
        yield chunk


BEGUN = {
    "generator": begun,
    "chain": lambda backend: itertools.chain([None], begun(backend)),
    "map": lambda backend: map(lambda chunk: chunk, begun(backend)),
    "islice": lambda backend: itertools.islice(begun(backend), 2),
    "enumerate": lambda backend: (chunk for _, chunk in enumerate(begun(backend))),
    "given to a generator": lambda backend: rest(None, begun(backend)),
    "async generator": begun_async,
    "given to an async generator": lambda backend: async_rest(None, begun_async(backend)),
}
KINDS = pytest.mark.parametrize("body_of", BEGUN.values(), ids=BEGUN)


@KINDS
def test_it_keeps_its_token_and_ends_as_without_us(backend, body_of):
    made = stream(body_of(backend))
    for _ in range(4):
        step(made)
    assert held.get() == "nothing"
    assert [one.outcome for one in backend.streams] == [Outcome.COMPLETED]


@KINDS
def test_the_scope_covers_it_and_its_span_is_not_current_there(backend, body_of):
    made = stream(body_of(backend))
    assert [step(made), step(made)] == [None, None]
    assert backend.streams[0].is_open
    assert backend.current is None
    by_hand(made.aclose()) if hasattr(made, "aclose") else made.close()
    assert backend.streams[0].outcome is Outcome.CANCELLED
    assert held.get() == "nothing"


FRESH = {
    "generator": rows,
    "chain": lambda backend: itertools.chain(rows(backend)),
    "finished generator in a chain": lambda backend: itertools.chain(finished(), rows(backend)),
    "async generator": async_rows,
}


def finished():
    body = iter(())
    generator = (chunk for chunk in body)
    assert list(generator) == []
    return generator


@pytest.mark.parametrize("body_of", FRESH.values(), ids=FRESH)
def test_a_fresh_body_is_isolated(backend, body_of):
    before = surroundings()
    made = stream(body_of(backend))
    assert step(made) is backend.streams[0]
    assert surroundings() == before
    for _ in range(3):
        step(made)
    assert backend.streams[0].outcome is Outcome.COMPLETED
