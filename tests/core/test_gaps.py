"""The time from one event or chunk to the next, by bucket, where a backend takes it."""

from itertools import pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_fakes import AsyncIterator, ScriptedClock, by_hand
from streaminstr import _configure, _events, stream
from streaminstr._calls import guard
from streaminstr._events import EventCounter, Tail, TimedChunks, TimedEvents
from streaminstr._gaps import Gaps
from streaminstr._wrap import size_of
from streaminstr.testing import RecordingBackend

BOUNDS = (0.5, 1.0, 10.0)
MADE = 1.0


class Counting(RecordingBackend):
    """A backend that takes gaps."""

    gap_bounds = BOUNDS


@pytest.fixture
def counting():
    backend = Counting()
    with _configure.forced(_configure.assemble((backend,))):
        yield backend


def read_at(monkeypatch, times, chunks, **options):
    """Read a stream whose chunks or events come at these times."""
    monkeypatch.setattr(_events, "clock", ScriptedClock(*times))
    list(stream(list(chunks), **options))


def gaps(backend):
    return backend.streams[0].report.gaps


def test_each_bucket_has_the_mean_and_the_number_of_its_gaps(counting, monkeypatch):
    read_at(monkeypatch, (1.0, 1.25, 2.0, 2.75, 60.0), "abcde")
    assert gaps(counting) == ((0.25, 1), (0.75, 2), (57.25, 1))


def test_a_gap_that_is_equal_to_a_bound_is_below_it():
    one = Gaps(BOUNDS)
    one.note(0.5)
    assert one._counts == [1, 0, 0, 0]


@pytest.mark.parametrize("chunks", ["", "a"])
def test_no_second_chunk_no_gap(counting, chunks):
    list(stream(list(chunks)))
    assert gaps(counting) == ()


def test_of_an_event_stream_the_time_between_events_counts(counting, monkeypatch):
    """Neither pings nor chunks: two events of one chunk have a gap of their own."""
    chunks = (b": ping\n\n", b"data: 1\n\n", b": ping\n\n", b"data: 2\n\ndata: 3\n", b"\n")
    read_at(monkeypatch, (1.0, 4.0, 4.25), chunks, kind="sse")
    assert gaps(counting) == ((0.25, 1), (3.0, 1))
    assert counting.streams[0].report.longest_gap == 3.0


def test_an_async_stream_alike(counting, monkeypatch):
    async def drain():
        return [chunk async for chunk in stream(AsyncIterator("a", "b"))]

    monkeypatch.setattr(_events, "clock", ScriptedClock(1.0, 3.0))
    by_hand(drain())
    assert gaps(counting) == ((2.0, 1),)


def test_the_end_of_a_body_is_looked_at_as_before(counting):
    list(stream([b"a", b"END"], ends_with=b"END"))
    list(stream([b"a", b"EN"], ends_with=b"END"))
    list(stream([b"data: 1\n\n"], kind="sse", ends_with="data: 2\n\n"))
    assert [one.report.error_type for one in counting.streams] == [None, "truncated", "truncated"]
    assert [one.report.bytes for one in counting.streams] == [4, 3, 9]


@given(st.lists(st.floats(0, 1e6), max_size=50), st.sets(st.floats(1e-3, 1e5), max_size=6))
def test_counts_and_sum_are_those_of_all_gaps_and_a_mean_is_in_its_bucket(seconds, bounds):
    bounds = tuple(sorted(bounds))
    counted, ideal = Gaps(bounds), Gaps(bounds)
    for one in seconds:
        counted.note(one)
    for mean, times in counted.by_bucket():
        for _ in repeat(None, times):
            ideal.note(mean)
    assert ideal._counts == counted._counts
    assert sum(ideal._sums) == pytest.approx(sum(seconds))


@pytest.mark.parametrize("value", [0.1, 0.3, 0.7])
def test_rounding_moves_no_mean_across_a_bound(value):
    """The sum of equal numbers, divided by their count, may be more than each of them."""
    counted = Gaps((value,))
    for _ in range(1000):
        counted.note(value)
    assert counted.by_bucket() == ((pytest.approx(value), 1000),)
    assert counted.by_bucket()[0][0] <= value


@given(st.lists(st.integers(0, 60), max_size=8))
def test_gaps_do_not_depend_on_how_events_are_cut_into_chunks(cuts):
    whole = b": ping\n\n" + b"data: 1\n\n" * 5
    places = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    counter = TimedEvents((), BOUNDS)
    counter.size_of = len
    for start, stop in pairwise(places):
        counter.take(whole[start:stop])
    assert sum(times for _, times in counter.facts(MADE)["gaps"]) == 4


# Streams without it pay nothing.


def test_without_a_backend_that_takes_them_nothing_counts_gaps(backend):
    plain = stream([b"a"])
    assert (plain.size_of, plain.plain) == (size_of, bytes)
    kinds = {
        type(stream([b"a"], **options)._life.handle.counter)
        for options in ({"kind": "sse"}, {"ends_with": "x"})
    }
    assert kinds == {EventCounter, Tail}


# Who asks for it.


class Odd(RecordingBackend):
    def __init__(self, bounds):
        super().__init__()
        self.gap_bounds = bounds


@pytest.mark.parametrize(
    ("backends", "bounds"),
    [
        ([RecordingBackend()], ()),
        ([Odd(None)], ()),
        ([Odd(())], ()),
        ([Odd([2, 1])], (1.0, 2.0)),
        ([Odd((1, 3)), RecordingBackend(), Odd((2, 3))], (1.0, 2.0, 3.0)),
    ],
)
def test_the_bounds_are_those_of_all_backends(backends, bounds):
    assert _configure.build(backends).gap_bounds == bounds


@pytest.mark.parametrize("bounds", [4, ["x"], [None]])
def test_bounds_that_are_none_are_reported_and_no_reason_to_stop(bounds, errors, caplog):
    assert _configure.build(Odd(bounds)).gap_bounds == ()
    assert sum(guard.errors.values()) == 1
    assert "_bounds_of" in caplog.text


def test_a_chunk_that_is_no_bytes_is_measured_as_before(counting):
    list(stream(["\u00fc", b"ab", None, memoryview(b"c")]))
    assert counting.streams[0].report.bytes == 5


def test_what_counts_chunks_can_be_asked_for_its_measure():
    counter = TimedChunks(None, BOUNDS)
    counter.size_of = len
    assert counter.size_of is len
    assert not counter.is_truncated
