"""Who is slow: the upstream that a body reads, the body itself, or the client."""

import asyncio

import pytest

from core_fakes import by_hand
from streaminstr import _handle, stream


class Clock:
    """Stands still until a test moves it."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in ("ends", "life", "report", "step"):
        monkeypatch.setattr(f"streaminstr._core.{module}.clock", clock)
    return clock


def report_of(backend, name):
    return next(one.report for one in backend.streams if one.name == name)


def upstream(clock, seconds, chunks=2):
    for _ in range(chunks):
        clock.now += seconds
        yield b"token"


def body(clock, made, own):
    for token in made:
        clock.now += own
        yield token


def read(clock, made, away):
    for _ in made:
        clock.now += away


@pytest.mark.parametrize(
    ("theirs", "own", "away", "slowest"),
    [
        (5.0, 1.0, 1.0, "upstream"),
        (1.0, 5.0, 1.0, "producer"),
        (1.0, 1.0, 5.0, "consumer"),
        (1.0, 1.0, 1.0, None),
        (0.04, 0.001, 0.0, None),
    ],
)
def test_the_slowest_is_named_where_it_took_over_half_and_over_a_tenth_of_a_second(
    backend, clock, theirs, own, away, slowest
):
    inner = stream(upstream(clock, theirs), name="llm")
    read(clock, stream(body(clock, inner, own), name="chat"), away)
    report = report_of(backend, "chat")
    assert report.upstream_time == pytest.approx(2 * theirs)
    assert report.producer_time == pytest.approx(2 * (theirs + own))
    assert report.bottleneck == slowest


def test_a_stream_that_reads_no_other_has_no_upstream(backend, clock):
    read(clock, stream(upstream(clock, 1.0), name="rows"), 0.0)
    report = report_of(backend, "rows")
    assert (report.upstream_time, report.bottleneck) == (None, "producer")


def test_one_that_is_made_elsewhere_counts_where_it_is_read(backend, clock):
    def outer(inner):
        yield from inner

    inner = stream(upstream(clock, 1.0), name="llm")
    read(clock, stream(outer(inner), name="chat"), 0.0)
    assert report_of(backend, "chat").upstream_time == 2.0
    assert report_of(backend, "llm").upstream_time is None


def test_the_time_of_an_upstream_that_was_cut_counts_too(backend, clock):
    def outer():
        with stream(upstream(clock, 1.0, chunks=9), name="llm") as inner:
            yield next(inner)

    read(clock, stream(outer(), name="chat"), 0.0)
    assert report_of(backend, "chat").upstream_time == 1.0


def test_two_upstreams_add_up(backend, clock):
    def outer():
        yield from stream(upstream(clock, 1.0), name="a")
        yield from stream(upstream(clock, 2.0), name="b")

    read(clock, stream(outer(), name="chat"), 0.0)
    assert report_of(backend, "chat").upstream_time == 6.0


def test_async_streams_alike(backend, clock):
    async def tokens():
        for _ in range(2):
            await asyncio.sleep(0)
            clock.now += 3.0
            yield b"token"

    async def chat():
        async for token in stream(tokens(), name="llm"):
            yield token

    async def main():
        return [chunk async for chunk in stream(chat(), name="chat")]

    asyncio.run(main())
    report = report_of(backend, "chat")
    assert (report.upstream_time, report.bottleneck) == (6.0, "upstream")
    assert report.as_attributes()["streaminstr.upstream_time"] == 6.0


def test_a_reader_that_says_nothing_of_its_own_is_left_alone(backend):
    handle = _handle.Handle(stream([], name="s")._life.handle.info)
    handle.before(next, None)
    handle.ended(None)
    assert handle.report_fields(0.0, 0.0, 0.0)["upstream_time"] is None


def test_by_hand_too(backend):
    async def inner():
        yield 1

    async def outer():
        async for one in stream(inner(), name="inner"):
            yield one

    async def drain():
        return [one async for one in stream(outer(), name="outer")]

    assert by_hand(drain()) == [1]
    assert report_of(backend, "outer").upstream_time is not None
