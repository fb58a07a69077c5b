"""Event streams are counted in events, and a body may have an end marker."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_fakes import AsyncIterator, ScriptedClock, by_hand
from streaminstr import Outcome, _events, stream, streamed

DONE = b"data: [DONE]\n\n"


def only(backend):
    (recorded,) = backend.streams
    return recorded.report


def read(backend, *chunks, **options):
    list(stream(list(chunks), **options))
    report = only(backend)
    backend.clear()
    return report


def test_events_and_pings_are_counted_and_bytes_and_chunks_stay_what_they_are(backend):
    chunks = (b": ping\n\n", b"data: 1\n\n", b"data: 2\n\ndata: 3\n\n", b": ping\n\n")
    report = read(backend, *chunks, kind="sse")
    assert (report.events, report.pings, report.chunks) == (3, 2, 4)
    assert report.bytes == sum(map(len, chunks))


def test_other_streams_have_no_events(backend):
    report = read(backend, b"data: 1\n\n")
    assert (report.events, report.pings, report.time_to_first_event) == (None, None, None)
    assert "streaminstr.events" not in report.as_attributes()


@pytest.mark.parametrize(
    ("chunks", "events", "pings"),
    [
        (["data: 1\n\n"], 1, 0),
        (["event: a\ndata: 1\nid: 4\n\n"], 1, 0),
        (["data: 1\r\n\r\n", "data\r\r"], 2, 0),
        (["data: 1\r", "\n\r", "\n"], 1, 0),
        (["retry: 100\n\n"], 0, 0),
        (["data: never ended\n"], 0, 0),
        ([": ping\n: and more\n\n"], 0, 1),
        ([": a ", "ping\n\n"], 0, 0),
        ([": ping\ndata: 1\n\n"], 1, 0),
        (["da", "ta: 1\n", ": ping\n", "\n"], 1, 1),
        (["", "\n\n", "\n"], 0, 0),
        ([b"data: 1\n\n", bytearray(b"data: 2\n\n"), memoryview(b"data: 3\n\n"), None], 3, 0),
        (["data: " + "x" * 10_000 + "\n\n"], 1, 0),
        (["dataset: 1\n\n"], 0, 0),
    ],
)
def test_what_an_event_is(backend, chunks, events, pings):
    report = read(backend, *chunks, kind="sse")
    assert (report.events, report.pings) == (events, pings)


LINES = st.lists(
    st.sampled_from(["data: 1", "data", "event: x", "id: 1", ": ping", "", "", "retry: 1", "dat"]),
    max_size=12,
)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
@settings(max_examples=300, deadline=None)
def test_events_do_not_depend_on_how_their_bytes_are_cut_into_chunks(lines, ending, data):
    whole = "".join(line + ending for line in lines).encode()
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=8))
    places = sorted({0, len(whole), *cuts})
    chunks = [whole[start:stop] for start, stop in pairwise(places)]
    one, many = _counter(DONE), _counter(DONE)
    one.take(whole)
    for chunk in chunks:
        many.take(chunk)
    assert (many.events, many.is_truncated) == (one.events, one.is_truncated)


def _counter(*markers):
    counter = _events.EventCounter(markers)
    counter.size_of = len
    return counter


def test_the_clock_of_events_is_moved_by_events_alone(backend, monkeypatch):
    monkeypatch.setattr(_events, "clock", ScriptedClock(3.0, 4.0, 9.0))
    made = stream(
        [b": ping\n\n", b"data: 1\n\n", b"data: 2\n\n", b": ping\n\n", b"data: 3\n\n"], kind="sse"
    )
    made._life.handle.created = 1.0
    list(made)
    assert (only(backend).time_to_first_event, only(backend).longest_gap) == (2.0, 5.0)


def test_an_async_event_stream_is_counted_alike(backend):
    async def drain():
        return [
            chunk async for chunk in stream(AsyncIterator(b"data: 1\n\n", b": p\n\n"), kind="sse")
        ]

    by_hand(drain())
    assert (only(backend).events, only(backend).pings) == (1, 1)


# End markers.


@pytest.mark.parametrize(
    ("chunks", "marker"),
    [
        ([b"a,b\n", b"END\n"], b"END\n"),
        (["a", "E", "N", "D"], "END"),
        ([b"x]"], ("]", "}")),
    ],
)
def test_a_body_that_ends_with_its_marker_is_completed(backend, chunks, marker):
    assert read(backend, *chunks, ends_with=marker).outcome is Outcome.COMPLETED


def test_a_body_that_is_exhausted_without_it_is_failed_as_truncated(backend):
    report = read(backend, b"a,b\n", b"EN", ends_with=b"END\n")
    assert (report.outcome, report.error_type, report.is_error) == (
        Outcome.FAILED,
        "truncated",
        True,
    )
    assert report.error is None


def test_an_empty_body_is_truncated_too(backend):
    assert read(backend, ends_with="]").error_type == "truncated"


@pytest.mark.parametrize(
    "chunks",
    [
        [DONE],
        [b"data: 1\n\n", b"data: [DONE]\r\n\r\n"],
        [b"data: [DONE]\n", b"\n"],
        [b"data: [DO", b"NE]\n\n", b": ping\n\n"],
        [b": ping\ndata: [DONE]\n\n"],
    ],
)
def test_of_an_event_stream_the_last_event_is_compared(backend, chunks):
    assert read(backend, *chunks, kind="sse", ends_with=DONE).outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: [DONE]"],
        [DONE, b"data: 1\n\n"],
        [b"data: [DONE] and more\n\n"],
        [b"data: 1\ndata: [DONE]\n\n"],
    ],
)
def test_an_event_stream_whose_last_event_is_another_is_truncated(backend, chunks):
    assert read(backend, *chunks, kind="sse", ends_with=DONE).error_type == "truncated"


def test_a_client_that_leaves_truncates_nothing(backend):
    with stream([b"a", b"b"], ends_with="END") as made:
        next(made)
    assert only(backend).outcome is Outcome.CANCELLED


def test_no_more_of_a_body_is_kept_than_its_marker_is_long(backend):
    tail = _events.Tail((b"END",))
    tail.size_of = len
    tail.take(b"x" * 10_000)
    assert len(tail._last) == 3
    counter = _counter(DONE)
    counter.take(b"data: " + b"x" * 10_000)
    counter.take(b"\ndata: y" * 1_000)
    assert len(counter._line) + len(counter._event) < 100


@pytest.mark.parametrize("marker", [4, b"", (), ("a", 4), ["a"]])
def test_a_marker_that_is_none_says_what_to_write(backend, marker):
    with pytest.raises(
        TypeError, match=r"Write the last bytes of a complete body, such as b\"data"
    ):
        stream([], ends_with=marker)


def test_an_unknown_kind_says_what_to_write(backend):
    with pytest.raises(TypeError, match=r"kind is 'SSE'\. Write \"sse\" for an event stream"):
        stream([], kind="SSE")


def test_streamed_takes_both(backend):
    @streamed("llm", kind="sse", ends_with=DONE)
    def tokens():
        yield b"data: 1\n\n"

    list(tokens())
    assert (only(backend).events, only(backend).error_type) == (1, "truncated")


def test_streamed_refuses_a_marker_where_it_decorates():
    with pytest.raises(TypeError, match="ends_with is 4"):
        streamed("llm", ends_with=4)


def test_a_plain_stream_keeps_the_short_way(backend):
    made = stream([b"a"])
    assert made.plain is bytes
    assert stream([b"a"], kind="sse").plain is None
    assert stream([b"a"], kind="chunks").plain is bytes
    made.close()
