"""The fixture `streams`: what was streamed in a test, and a check that nothing is left open."""

import pytest

import streaminstr
from streaminstr._configure import build, forced
from streaminstr.testing._streams import Streams, recorded_streams

pytest_plugins = ["pytester"]


def chunks():
    yield b"one"
    yield b"two"


def test_one_is_the_only_stream(streams):
    list(streaminstr.stream(chunks(), name="orders"))
    assert streams.one() is streams.one("orders") is streams.all()[0]


def test_one_says_what_there_is_instead(streams):
    for name in ("orders", "orders", "rows"):
        list(streaminstr.stream(chunks(), name=name))
    with pytest.raises(AssertionError, match=r"one stream and found 3.*'orders', 'orders', 'rows'"):
        streams.one()
    with pytest.raises(AssertionError, match="one stream called 'orders' and found 2"):
        streams.one("orders")


def test_all_of_a_name(streams):
    for name in ("orders", "rows", "orders"):
        list(streaminstr.stream(chunks(), name=name))
    assert [stream.name for stream in streams.all("orders")] == ["orders", "orders"]


def test_assert_closed_once_gives_the_stream(streams):
    list(streaminstr.stream(chunks(), name="orders"))
    assert streams.assert_closed_once().report.chunks == 2
    assert streams.assert_closed_once("orders", outcome="completed") is streams.one()


def test_assert_closed_once_says_what_happened(streams):
    list(streaminstr.stream(chunks(), name="orders"))
    with pytest.raises(AssertionError) as failure:
        streams.assert_closed_once(outcome="cancelled")
    assert str(failure.value) == (
        "Stream 'orders' should be closed once, cancelled. "
        "What happened was: open, start, close with outcome 'completed'."
    )


def test_assert_closed_once_is_not_for_streams_that_never_began(streams):
    streaminstr.stream(chunks(), name="orders")
    with pytest.raises(AssertionError, match=r"closed once\. What happened was: open\.$"):
        streams.assert_closed_once()


def test_an_outcome_that_does_not_exist_is_refused(streams):
    list(streaminstr.stream(chunks()))
    with pytest.raises(
        ValueError, match=r"^There is no outcome 'finished'. Write one of completed, failed, "
    ):
        streams.assert_closed_once(outcome="finished")


def test_a_stream_left_open_fails():
    streams = Streams()
    with forced(build(streams.backend)):
        stream = streaminstr.stream(chunks(), name="orders")
        next(stream)
    with pytest.raises(AssertionError, match=r"open at the end of the test: \['orders'\]"):
        streams.assert_none_open()
    stream.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_stream_that_nobody_holds_is_abandoned_and_not_open():
    with recorded_streams() as streams:
        cycle = [streaminstr.stream(chunks())]
        cycle.append(cycle)
        next(cycle[0])
        del cycle
    streams.assert_closed_once(outcome="abandoned")


def test_the_plugin_fails_a_test_that_leaves_a_stream_open(pytester):
    pytester.makepyfile(
        """
        import streaminstr

        left = []

        def test_leaving(streams):
            left.append(streaminstr.stream([b"one", b"two"], name="orders"))
            next(left[0])

        def test_closing(streams):
            left.pop().close()
            streams.read(streaminstr.stream([b"one"]))
            streams.assert_closed_once(outcome="completed")
        """
    )
    result = pytester.runpytest_inprocess(
        *("-p", "no:streaminstr", "-p", "streaminstr.testing.plugin"),
        *("-p", "no:ddtrace", "-p", "no:asyncio", "-p", "no:django"),
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*Streams are open at the end of the test:*"])
