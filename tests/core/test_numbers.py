"""What is measured: chunks, bytes and four times, by a clock that the tests hold."""

from collections import UserDict
from contextlib import suppress
from copy import copy
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from core_fakes import AsyncIterator, ScriptedClock, by_hand
from streaminstr import Outcome, StreamReport, _configure, _response, stream
from streaminstr._core import ends, life, report, step
from streaminstr._core.life import never_stepped
from streaminstr._events import markers_of
from streaminstr._exchange import Exchange
from streaminstr._handle import Handle
from streaminstr._wrap import make_handle, settle, wrap
from streaminstr.types import StreamInfo


@pytest.fixture
def at(monkeypatch):
    """Have the clock give these times."""

    def set_clock(*times):
        clock = ScriptedClock(*times)
        for module in (ends, life, report, step):
            monkeypatch.setattr(module, "clock", clock)

    return set_clock


def only(backend):
    (recorded,) = backend.streams
    return recorded.report


async def drain(made):
    return [chunk async for chunk in made]


def assert_two_chunks(report):
    assert report.chunks == 2
    assert report.time_to_first_chunk == 3  # made at 10, first chunk at 13
    assert report.longest_gap == 6  # from 13 to 19
    assert report.producer_time == 8  # 11 to 13, 14 to 19, 21 to 22
    assert report.consumer_time == 3  # 13 to 14, 19 to 21
    assert report.duration == 11


def test_under_a_clock_that_stands_still_a_primed_stream_has_its_first_chunk(backend, at):
    at(*[10] * 20)
    assert list(stream([b"a", b"b"]).prime()) == [b"a", b"b"]
    assert (only(backend).time_to_first_chunk, only(backend).longest_gap) == (0, 0)


def test_the_times_of_a_sync_body(backend, at):
    at(10, 11, 13, 14, 19, 21, 22)
    list(stream([b"a", b"b"]))
    assert_two_chunks(only(backend))


def test_the_times_of_an_async_body(backend, at):
    at(10, 11, 13, 14, 19, 21, 22)
    by_hand(drain(stream(AsyncIterator(b"a", b"b"))))
    assert_two_chunks(only(backend))


def test_between_steps_it_is_the_consumer_whose_time_runs(backend, at):
    at(10, 11, 13, 20)
    with stream([b"a", b"b"]) as made:
        next(made)
    assert (only(backend).producer_time, only(backend).consumer_time) == (2, 7)


def test_the_longest_gap_is_the_longest_and_not_the_last(backend, at):
    at(0, 0, 1, 1, 9, 9, 10, 10, 10)
    list(stream([b"a", b"b", b"c"]))
    assert only(backend).longest_gap == 8


def test_the_longest_gap_of_an_async_body_is_the_longest_and_not_the_last(backend, at):
    at(0, 0, 1, 1, 9, 9, 10, 10, 10)
    by_hand(drain(stream(AsyncIterator(b"a", b"b", b"c"))))
    assert only(backend).longest_gap == 8


def test_one_chunk_has_no_gap(backend, at):
    at(10, 11, 13, 13, 14)
    list(stream([b"a"]))
    assert only(backend).longest_gap == 0


def test_no_chunk_has_no_first_one(backend, at):
    at(10, 11, 12)
    list(stream([]))
    assert only(backend).time_to_first_chunk is None
    assert "streaminstr.time_to_first_chunk" not in only(backend).as_attributes()
    assert (only(backend).producer_time, only(backend).consumer_time) == (1, 0)


def test_the_time_of_a_step_that_fails_is_the_producers(backend, at):
    def body():
        raise LookupError
        yield

    at(10, 11, 15)
    with pytest.raises(LookupError):
        list(stream(body()))
    assert (only(backend).producer_time, only(backend).consumer_time) == (4, 0)


def test_the_first_chunk_is_also_timed_from_the_start_of_the_request(backend, at):
    at(10, 11, 13, 13, 14)
    handle = Handle(StreamInfo(name="shop"))
    list(wrap([b"a"], handle, _configure.current(), requested=4))
    assert only(backend).request_time_to_first_chunk == 9


def test_the_outermost_net_knows_the_start_of_the_request_best(backend, at):
    at(10, 11, 13, 13, 14)
    exchange = Exchange()
    exchange.started = 2
    exchange.context().run(lambda: list(stream([b"a"])))
    assert only(backend).request_time_to_first_chunk == 11


def test_the_outermost_net_knows_who_cut_it_short(backend):
    exchange = Exchange()
    made = exchange.context().run(stream, [b"a"])
    next(made)
    exchange.client_left()
    made.close()
    assert only(backend).cancelled_by == "client"


@pytest.mark.parametrize(
    ("chunk", "size"),
    [
        (b"four", 4),
        (bytearray(b"four"), 4),
        (memoryview(b"fourfour").cast("I"), 8),
        (type("Bytes", (bytes,), {})(b"four"), 4),
        ("four", 4),
        ("fünf", 5),
        ("\N{GRINNING FACE}", 4),
        ("\udcff", 3),
        ("", 0),
        (b"", 0),
        (["no", "size"], 0),
        (None, 0),
        (4, 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_text_counts_as_encoded_and_objects_as_chunks_only(backend, chunk, size):
    assert list(stream([chunk, chunk])) == [chunk, chunk]
    by_hand(drain(stream(AsyncIterator(chunk, chunk))))
    reports = [recorded.report for recorded in backend.streams]
    assert [(report.chunks, report.bytes) for report in reports] == [(2, 2 * size)] * 2


# The numbers so far.


def test_an_open_stream_reports_the_numbers_so_far(backend, at):
    at(10, 11, 13, 20)
    made = stream([b"four", b"b"])
    next(made)
    report = made.report()
    assert (report.chunks, report.bytes, report.producer_time, report.consumer_time) == (1, 4, 2, 7)
    assert report.stalled == "consumer"
    made.close()


def test_inside_a_step_it_is_the_producer_that_is_at_work(backend, at):
    reports = []

    def body():
        reports.append(made.report())
        yield 1

    at(10, 11, 15)
    made = stream(body())
    list(made)
    assert (reports[0].producer_time, reports[0].stalled) == (4, "producer")


def test_an_async_stream_reports_the_numbers_so_far(backend):
    made = stream(AsyncIterator(b"four", b"b"))
    by_hand(made.__anext__())
    assert (made.report().chunks, made.report().bytes) == (1, 4)
    by_hand(made.aclose())


@pytest.mark.parametrize("body", [[], AsyncIterator()], ids=["sync", "async"])
def test_a_stream_that_never_began_has_used_no_time(backend, body):
    report = stream(body).report()
    assert (report.chunks, report.producer_time, report.consumer_time) == (0, 0, 0)


# The core fills both dataclasses without their `__init__`.


def rows(raising):
    yield b"row"
    if raising:
        raise ValueError


def fields_of(made):
    return {one.name: getattr(made, one.name) for one in fields(made)}


@pytest.mark.parametrize("raising", [False, True])
def test_the_core_makes_what_the_constructor_of_a_report_makes(backend, raising):
    made = stream(rows(raising))
    next(made)
    so_far = made.report()
    with suppress(ValueError):
        next(made, None)
    for one in (so_far, only(backend)):
        assert one == StreamReport(**fields_of(one))
        assert vars(one).keys() <= fields_of(one).keys()
        assert replace(one, chunks=7).chunks == 7


def test_the_core_makes_what_the_constructor_of_an_info_makes(backend):
    list(stream(rows(raising=False), name="orders.export", attributes={"shop": "north"}))
    info = backend.streams[0].info
    assert info == StreamInfo(**fields_of(info))
    assert (info.name, info.attributes) == ("orders.export", {"shop": "north"})


@pytest.mark.parametrize("made", ["info", "report"])
def test_both_are_frozen(backend, made):
    list(stream(rows(raising=False)))
    with pytest.raises(FrozenInstanceError):
        setattr(getattr(backend.streams[0], made), "name", "other")  # noqa: B010


# The report as attributes.


def test_what_is_not_known_is_left_out():
    assert set(StreamReport(outcome=Outcome.COMPLETED).as_attributes()) == {
        "streaminstr.outcome",
        "streaminstr.chunks",
        "streaminstr.bytes",
        "streaminstr.longest_gap",
        "streaminstr.producer_time",
        "streaminstr.consumer_time",
    }


def test_what_one_backend_does_to_the_attributes_is_not_seen_by_the_next():
    report = StreamReport(outcome=Outcome.COMPLETED)
    before = dict(report.as_attributes())
    report.as_attributes().clear()
    assert report.as_attributes() == before


def test_a_report_collects_its_attributes_once():
    class Asked(UserDict):
        times = 0

        def keys(self):
            self.times += 1
            return super().keys()

    own = Asked(shop="north")
    report = StreamReport(outcome=Outcome.COMPLETED, attributes=own)
    for _ in range(3):
        assert report.as_attributes()["shop"] == "north"
    assert own.times == 1


def test_a_report_whose_attributes_were_asked_for_is_as_it_was():
    asked, other = (StreamReport(outcome=Outcome.COMPLETED) for _ in range(2))
    asked.as_attributes()
    assert (asked, repr(asked), fields(asked)) == (other, repr(other), fields(other))
    assert copy(asked) == other
    assert copy(asked).as_attributes() == other.as_attributes()
    assert replace(asked, chunks=7).as_attributes()["streaminstr.chunks"] == 7


class ShopError(Exception):
    pass


@pytest.mark.parametrize(
    ("report", "error_type"),
    [
        (StreamReport(outcome=Outcome.FAILED, error=ValueError(), is_error=True), "ValueError"),
        (
            StreamReport(outcome=Outcome.FAILED, error=ShopError(), is_error=True),
            f"{__name__}.ShopError",
        ),
        (StreamReport(outcome=Outcome.CANCELLED, is_error=True), "cancelled"),
        (StreamReport(outcome=Outcome.CANCELLED), None),
    ],
)
def test_the_type_of_an_error_is_given_where_there_is_one(report, error_type):
    assert report.as_attributes().get("error.type") == error_type


@pytest.mark.parametrize("is_error", [True, False])
def test_an_option_makes_an_error_of_what_is_cancelled(backend, is_error):
    config = _configure.Config(backends=(backend,), cancelled_is_error=is_error)
    with _configure.forced(config), stream([1, 2]) as made:
        next(made)
    assert only(backend).is_error is is_error


# Files that the server sends by itself.


def test_a_stream_that_was_settled_has_its_size_and_is_completed(backend, at):
    at(10, 12)
    made = stream([])
    settle(made, 4096)
    made.close()
    assert (only(backend).outcome, only(backend).bytes) == (Outcome.COMPLETED, 4096)
    assert only(backend).zero_copy
    assert (only(backend).producer_time, only(backend).consumer_time) == (0, 2)


def test_a_stream_that_was_stepped_is_not_settled(backend):
    with stream([1, 2]) as made:
        next(made)
        settle(made, 4096)
    assert (only(backend).outcome, only(backend).bytes) == (Outcome.CANCELLED, 0)


@pytest.mark.parametrize("body", [[b"a"], AsyncIterator(b"a")])
def test_a_stream_that_was_never_stepped_is_counted_by_its_name(backend, body):
    before = never_stepped["unread"]
    stream(body, name="unread").close()
    assert never_stepped["unread"] == before + 1


class OddBytes(bytes):
    def __len__(self):
        raise ZeroDivisionError

    __bytes__ = __len__


class OddText(str):
    __slots__ = ()

    def encode(self, *_):
        raise ZeroDivisionError

    isascii = encode


class OddObject:
    @property
    def __class__(self):
        raise ZeroDivisionError


def released():
    view = memoryview(b"gone")
    view.release()
    return view


@pytest.mark.parametrize(
    "make", [lambda: OddBytes(b"1"), lambda: OddText("1"), OddObject, released]
)
@pytest.mark.parametrize("options", [{}, {"kind": "sse"}, {"ends_with": b"end"}], ids=str)
def test_a_chunk_that_cannot_be_measured_is_returned_and_counted(backend, errors, options, make):
    odd = make()
    for size_of in (None, _response.measure_of("latin-1")):
        markers = markers_of(options.get("ends_with"))
        config = _configure.current()
        handle = make_handle(config, "odd", None, kind=options.get("kind"), markers=markers)
        first, last = wrap(iter([odd, b"end"]), handle, config, size_of=size_of)
        assert (first is odd, last) == (True, b"end")
    assert [(one.report.chunks, one.report.bytes) for one in backend.streams] == [(2, 3)] * 2
    assert errors
