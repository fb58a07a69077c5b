"""What a body says of its own stream: that it failed, marks in time, and sums."""

import asyncio
import logging
import math
import threading

import pytest

from core_fakes import AsyncIterator, by_hand
from streaminstr import Outcome, _handle, current_stream, stream


class UpstreamError(Exception):
    pass


def only(backend):
    (recorded,) = backend.streams
    return recorded.report


def failing_in_band(*said, **more):
    yield b"data: 1\n\n"
    for one in said:
        current_stream().fail(one, **more)
    yield b"event: error\n\n"


def test_a_body_that_says_it_failed_is_failed_although_it_is_exhausted(backend):
    error = UpstreamError("gone")
    assert len(list(stream(failing_in_band(error)))) == 2
    report = only(backend)
    assert (report.outcome, report.error, report.is_error) == (Outcome.FAILED, error, True)
    assert report.error_type == f"{__name__}.UpstreamError"
    assert report.reason is None


def test_a_reason_has_no_exception_and_the_error_type_other(backend):
    list(stream(failing_in_band("the upstream is gone")))
    report = only(backend)
    assert (report.reason, report.error, report.error_type) == (
        "the upstream is gone",
        None,
        "_OTHER",
    )
    assert report.as_attributes()["streaminstr.reason"] == "the upstream is gone"


def test_an_error_type_may_be_given(backend):
    list(stream(failing_in_band("gone", error_type="UpstreamTimeout")))
    assert only(backend).error_type == "UpstreamTimeout"


def test_the_first_failure_stands(backend):
    list(stream(failing_in_band("first", UpstreamError("second"))))
    assert only(backend).reason == "first"


@pytest.mark.parametrize("end", ["close", "throw", "drop"])
def test_it_stands_whatever_ends_the_stream(backend, end, recwarn):
    made = stream(failing_in_band("said"))
    assert [next(made), next(made)]
    if end == "close":
        made.close(cancelled_by="client")
    elif end == "throw":
        with pytest.raises(LookupError):
            made.throw(LookupError())
    else:
        del made
    report = only(backend)
    assert (report.outcome, report.reason, report.cancelled_by) == (Outcome.FAILED, "said", None)


def test_it_stands_where_the_task_is_cancelled_after_it(backend):
    async def body():
        current_stream().fail("said")
        yield 1
        await asyncio.Event().wait()

    async def main():
        made = stream(body())
        await anext(made)
        task = asyncio.ensure_future(anext(made))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert only(backend).outcome is Outcome.FAILED


# Marks and sums.


def test_a_mark_is_timed_from_the_making_and_its_first_call_stands(backend, monkeypatch):
    times = iter([3.0, 5.0])

    def body():
        current_stream().mark("first_token")
        current_stream().mark("first_token")
        yield 1

    made = stream(body())
    made._life.handle.created = 1.0
    monkeypatch.setattr(_handle, "clock", lambda: next(times))
    list(made)
    assert only(backend).marks == {"first_token": 2.0}
    assert only(backend).as_attributes()["streaminstr.mark.first_token"] == 2.0


def test_numbers_are_summed_under_an_attribute_and_beside_those_that_were_set(backend):
    def body():
        for _ in range(3):
            current_stream().add("shop.tokens", 2)
            yield 1
        current_stream().set_attribute("shop.model", "m")

    list(stream(body()))
    assert only(backend).attributes == {"shop.tokens": 6, "shop.model": "m"}
    assert only(backend).rates == {}


def test_a_rate_is_for_each_second_of_producer_time(backend):
    def body():
        current_stream().add("shop.tokens", 5, rate=True)
        yield 1

    list(stream(body()))
    report = only(backend)
    assert report.rates == {"shop.tokens": 5 / report.producer_time}
    assert "streaminstr.rate.shop.tokens" in report.as_attributes()


def test_sums_from_many_threads_lose_nothing(backend):
    async def body():
        handle = current_stream()
        add = [asyncio.to_thread(handle.add, "shop.rows", 1) for _ in range(50)]
        await asyncio.gather(*add)
        yield 1

    async def main():
        return [chunk async for chunk in stream(body())]

    asyncio.run(main())
    assert only(backend).attributes == {"shop.rows": 50}


def test_a_stream_may_end_in_the_thread_that_adds_a_number(backend):
    """As the garbage collector may end one there. No thread waits for itself."""

    class Ending(int):
        def __radd__(self, other):
            read.close()
            return other + int(self)

    def body():
        next(read)
        current_stream().add("shop.rows", Ending(2))
        yield 1

    read = stream(iter([b"1", b"2"]), name="read")
    thread = threading.Thread(target=list, args=(stream(body(), name="reader"),), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert {one.name: one.report.attributes for one in backend.streams} == {
        "reader": {"shop.rows": 2},
        "read": {},
    }


# Bad input.


class Unprintable:
    def __repr__(self):
        raise LookupError


WRONG = [
    ("fail", [None], {}, "takes an exception or a text, not None"),
    ("fail", [], {}, "takes an exception or a text, not ''"),
    ("fail", [Unprintable()], {}, "takes an exception or a text, not ?"),
    ("fail", [""], {}, "takes an exception or a text, not ''"),
    ("fail", ["x"], {"error_type": 4}, "takes error_type as a text, not 4"),
    ("mark", [""], {}, "takes a name, not ''"),
    ("mark", [4], {}, "takes a name, not 4"),
    ("add", ["", 1], {}, "takes a name, not ''"),
    ("add", ["n", math.nan], {}, "takes a finite number, not nan"),
    ("add", ["n", math.inf], {}, "takes a finite number, not inf"),
    ("add", ["n", -(10**301)], {}, f"takes a finite number, not -1{'0' * 78}"),
    ("add", ["n", "1"], {}, "takes a finite number, not '1'"),
    ("add", ["n", True], {}, "takes a finite number, not True"),
    ("set_attribute", ["", 1], {}, "takes a name, not ''"),
]


@pytest.mark.parametrize(("method", "given", "more", "problem"), WRONG)
def test_a_wrong_call_is_reported_once_and_the_body_goes_on(
    backend, errors, caplog, method, given, more, problem
):
    def body():
        for _ in range(2):
            getattr(current_stream(), method)(*given, **more)
            yield 1

    caplog.set_level(logging.DEBUG, "streaminstr")
    assert list(stream(body())) == [1, 1]
    assert only(backend).outcome is Outcome.COMPLETED
    assert errors.pop(f"current_stream().{method}(): {problem}") == 2
    ours = [one for one in caplog.records if "takes" in one.getMessage() or one.levelno < 20]
    assert [one.levelname for one in ours] == ["ERROR", "DEBUG", "DEBUG"]
    assert f"{__file__}:" in ours[1].getMessage()


@pytest.mark.parametrize(("method", "given", "more", "problem"), WRONG)
def test_in_tests_a_wrong_call_raises(backend, monkeypatch, method, given, more, problem):
    def body():
        with pytest.raises(TypeError) as caught:
            getattr(current_stream(), method)(*given, **more)
        assert problem in str(caught.value)
        yield 1

    monkeypatch.setattr(_handle, "strict", True)
    assert list(stream(body())) == [1]


def marked_wrongly():
    yield from stream(["a"], name="inner", ends_with=4)


def test_a_wrong_marker_in_a_running_body_is_reported_once_and_left_out(backend, errors, caplog):
    caplog.set_level(logging.DEBUG, "streaminstr")
    assert list(stream(marked_wrongly())) == list(stream(marked_wrongly())) == ["a"]
    assert [one.report.outcome for one in backend.streams] == ["completed"] * 4
    ((problem, times),) = errors.items()
    assert (problem.startswith("streaminstr.stream(): ends_with is 4. Write"), times) == (True, 2)
    assert [one.levelname for one in caplog.records] == ["ERROR", "DEBUG", "DEBUG"]
    assert f"{__file__}:" in caplog.records[1].getMessage()


def test_in_tests_a_wrong_marker_raises(backend, monkeypatch):
    monkeypatch.setattr(_handle, "strict", True)
    with pytest.raises(TypeError, match="ends_with is 4"):
        list(stream(marked_wrongly()))


def test_large_numbers_break_no_report(backend):
    def body():
        for number in (10**300, 10**300, 0.5):
            current_stream().add("n", number, rate=True)
        yield 1

    list(stream(body()))
    assert only(backend).attributes["n"] == pytest.approx(2e300)


def test_outside_of_a_stream_nothing_happens():
    handle = current_stream()
    handle.fail()
    handle.fail("no")
    handle.mark("no")
    handle.add("no", 1)
    assert not handle


def test_an_async_iterator_object_fails_alike(backend):
    class Body(AsyncIterator):
        async def __anext__(self):
            current_stream().fail("said")
            return await super().__anext__()

    async def drain():
        return [chunk async for chunk in stream(Body(1))]

    assert by_hand(drain()) == [1]
    assert only(backend).outcome is Outcome.FAILED
