"""`prime` takes the first chunk inside of the stream: an early error comes out there."""

import pytest

from core_fakes import AsyncIterator, Iterator, bound, by_hand, surroundings
from differential.backends import in_force
from injected import step
from streaminstr import Outcome, stream
from streaminstr.testing import RecordingBackend


@pytest.fixture
def backend():
    recording = RecordingBackend()
    with in_force(recording):
        yield recording


def prime(made):
    """Prime a stream of either kind."""
    return made.prime() if hasattr(made, "prime") else by_hand(made.aprime())


def only(backend):
    (recorded,) = backend.streams
    return recorded


KINDS = pytest.mark.parametrize("body_of", [Iterator, AsyncIterator])


@KINDS
def test_priming_returns_the_stream_which_then_gives_all_chunks(backend, body_of):
    made = stream(body_of(b"a", b"b"))
    assert prime(made) is made
    assert [step(made), step(made), step(made)] == [b"a", b"b", None]
    assert only(backend).outcome is Outcome.COMPLETED
    assert only(backend).report.chunks == 2


@KINDS
def test_priming_starts_the_scope_and_takes_one_step(backend, body_of):
    body = body_of(b"a", b"b")
    made = prime(stream(body))
    assert only(backend).events == ["open", "start"]
    assert body.chunks == [b"b"]
    step(made)
    step(made)
    step(made)


@KINDS
def test_the_first_chunk_counts_when_it_is_handed_out(backend, body_of):
    made = prime(stream(body_of(b"abc", b"d")))
    by_hand(made.aclose()) if hasattr(made, "aclose") else made.close()
    assert only(backend).outcome is Outcome.CANCELLED
    assert [only(backend).report.chunks, only(backend).report.bytes] == [0, 0]


@KINDS
def test_priming_twice_does_nothing_more(backend, body_of):
    body = body_of(b"a", b"b")
    made = prime(prime(stream(body)))
    assert body.chunks == [b"b"]
    assert [step(made), step(made), step(made)] == [b"a", b"b", None]


@KINDS
def test_priming_after_a_step_does_nothing(backend, body_of):
    made = stream(body_of(b"a", b"b"))
    assert step(made) == b"a"
    assert [step(prime(made)), step(made)] == [b"b", None]


@KINDS
def test_an_early_error_comes_out_and_the_stream_has_failed(backend, body_of):
    error = LookupError()
    with pytest.raises(LookupError) as caught:
        prime(stream(body_of(error=error)))
    assert caught.value is error
    assert only(backend).events == ["open", "start", "close"]
    assert only(backend).report.error is error


@KINDS
def test_an_empty_body_is_completed(backend, body_of):
    made = prime(stream(body_of()))
    assert step(made) is None
    assert only(backend).outcome is Outcome.COMPLETED


@KINDS
def test_a_primed_stream_that_is_dropped_is_abandoned(backend, body_of):
    made = prime(stream(body_of(b"a", b"b")))
    with pytest.warns(ResourceWarning, match="was dropped"):
        del made
    assert only(backend).outcome is Outcome.ABANDONED


def test_the_first_step_is_inside_of_the_stream(backend):
    """A token of the body is held in the stream's Context, and can be given back there."""

    def body():
        token = bound.set("by the body")
        try:
            yield backend.current
            yield bound.get()
        finally:
            bound.reset(token)

    before = surroundings()
    made = prime(stream(body()))
    assert surroundings() == before
    assert list(made) == [only(backend), "by the body"]
    assert bound.get() == "unbound"


def test_what_is_sent_or_thrown_after_priming_reaches_the_body_at_its_first_yield(backend):
    """The chunk that was taken is handed out before anything else comes of the body."""

    def body():
        try:
            yield b"a"
        except LookupError:
            yield b"caught"

    made = prime(stream(body()))
    assert next(made) == b"a"
    assert made.throw(LookupError()) == b"caught"
    made.close()
