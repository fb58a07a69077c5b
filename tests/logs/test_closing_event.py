"""`stream_closed`: one event for each started stream, at a level by outcome."""

import gc
import signal
from dataclasses import replace

import pytest
import structlog
from structlog.contextvars import bound_contextvars

import log_site
import streaminstr
from log_lines import in_mode, line, lines, values
from log_site import in_thread
from streaminstr import Outcome, StreaminstrError, _configure
from streaminstr.log import DEFAULT_LEVELS, LogBackend


@pytest.fixture(autouse=True)
def _mode():
    in_mode("contextvars")
    with _configure.forced(_configure.build("log")):
        yield


def body(error=None):
    structlog.contextvars.bind_contextvars(row=1)
    yield b"ab"
    yield b"c"
    if error is not None:
        raise error


def stream_of(source):
    with bound_contextvars(request="a"):
        return streaminstr.stream(source, name="n")


def end(outcome):
    stream = stream_of(body(KeyError("k") if outcome is Outcome.FAILED else None))
    next(stream)
    if outcome is Outcome.CANCELLED:
        stream.close()
    elif outcome is Outcome.ABANDONED:
        with pytest.warns(ResourceWarning):
            del stream
    elif outcome is Outcome.FAILED:
        with pytest.raises(KeyError):
            list(stream)
    else:
        list(stream)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_its_level_goes_by_the_outcome(outcome):
    end(outcome)
    found = line("stream_closed")
    assert (found["streaminstr.outcome"], found["log_level"]) == (outcome, DEFAULT_LEVELS[outcome])


def test_how_it_ended_and_why_stands_before_the_numbers():
    """A line has twenty fields. Renderers that do not sort keep their order."""
    end(Outcome.FAILED)
    own = [name for name in line("stream_closed") if name.startswith(("streaminstr.", "error."))]
    assert own[:3] == ["streaminstr.outcome", "error.type", "streaminstr.stream_id"]


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize(
    "config",
    [
        lambda levels: _configure.build("log", log_levels=levels),
        lambda levels: _configure.build(LogBackend(levels=levels)),
        lambda levels: _configure.build({"BACKEND": "log", "OPTIONS": {"levels": levels}}),
        lambda levels: _configure.build(["log", LogBackend(levels=levels)]),
    ],
)
def test_the_levels_can_be_set_and_none_is_no_event(config, outcome):
    with _configure.forced(config({"completed": "critical", "cancelled": None})):
        end(outcome)
    expected = {"completed": ["critical"], "cancelled": []}
    found = [each["log_level"] for each in lines("stream_closed")]
    assert found == expected.get(outcome, [DEFAULT_LEVELS[outcome]])


@pytest.mark.parametrize("levels", [{"complete": "info"}, {"failed": "fatal"}, ["info"]])
def test_levels_that_there_are_not_are_refused(levels):
    with pytest.raises(StreaminstrError, match="dict of outcomes"):
        LogBackend(levels=levels)


def test_it_has_the_numbers_and_what_body_and_request_have_bound():
    list(stream_of(body()))
    expected = {"request": "a", "row": 1, "streaminstr.chunks": 2, "streaminstr.bytes": 3}
    assert line("stream_closed") | expected == line("stream_closed")


def test_a_failure_has_its_type_and_no_traceback():
    end(Outcome.FAILED)
    assert line("stream_closed")["error.type"] == "KeyError"
    assert "exc_info" not in line("stream_closed")


def test_a_stream_that_was_never_stepped_has_none():
    stream_of(body()).close()
    assert lines() == []


@pytest.fixture
def interrupts():
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_a_stream_that_is_interrupted_as_it_begins_has_its_own():
    """Its fields are not those of the stream in whose step it begins."""

    def interrupted():
        begins = replace(_configure.current(), bind=lambda *_: signal.raise_signal(signal.SIGINT))
        with _configure.forced(begins):
            yield from streaminstr.stream(body(), name="inner")

    with pytest.raises(KeyboardInterrupt):
        list(streaminstr.stream(interrupted(), name="outer"))
    assert [one["stream"] for one in lines("stream_closed")] == ["inner", "outer"]


def test_closing_twice_gives_one():
    stream = stream_of(body())
    next(stream)
    stream.close()
    stream.close()
    assert len(lines("stream_closed")) == 1


def test_two_log_backends_give_one():
    levels = {"BACKEND": "log", "OPTIONS": {"levels": {}}}
    with _configure.forced(_configure.build(["log", levels])):
        list(stream_of(body()))
    assert len(lines("stream_closed")) == 1


def test_from_another_request_and_thread_it_has_its_own_bindings_alone():
    def other_request():
        with bound_contextvars(request="b", user="of b"):
            stream.close()

    stream = stream_of(body())
    next(stream)
    in_thread(other_request)
    assert values("stream_closed", "request", "user", "row") == [("a", None, 1)]


def test_from_the_collector_it_has_its_own_bindings_alone():
    stream = stream_of(body())
    next(stream)
    cycle = [stream]
    cycle.append(cycle)
    del stream, cycle
    with bound_contextvars(request="b", user="of b"), pytest.warns(ResourceWarning):
        gc.collect()
    assert values("stream_closed", "request", "user", "row") == [("a", None, 1)]


def test_attributes_with_the_names_that_logging_uses_get_an_underscore():
    def body():
        for name in ("event", "name", "exc_info", "self", "method_name"):
            streaminstr.current_stream().set_attribute(name, "mine")
        yield 1

    list(stream_of(body()))
    found = line("stream_closed")
    assert found["event_"] == found["name_"] == found["exc_info_"] == found["self_"] == "mine"


def test_beside_django_structlog_there_is_one_and_it_says_how_the_stream_ended():
    with log_site.site([log_site.DJANGO_STRUCTLOG], BACKEND="log"):
        response = log_site.wsgi_response("/undecorated/", **{"x-request-id": "r1"})
        next(response)
        response.close()
    assert values("stream_closed", "request_id", "streaminstr.outcome") == [("r1", "cancelled")]
    assert values("stream_closed", "http.route") == [("undecorated/",)]


def test_no_query_string_header_or_cookie_is_recorded():
    with log_site.site([], BACKEND="log"):
        secret = {"cookie": "secret", "x-request-id": "secret", "user-agent": "secret"}
        log_site.by_wsgi("/undecorated/?token=secret", **secret)
    assert line("stream_closed")["url.path"] == "/undecorated/"
    assert "secret" not in repr(lines())


def test_our_own_durations_are_shown_to_the_microsecond_and_no_finer():
    list(stream_of(body()))
    shown = {name: value for name, value in line("stream_closed").items() if "." in name}
    durations = [value for value in shown.values() if isinstance(value, float)]
    assert len(durations) >= 4
    assert all(value == round(value, 6) for value in durations)


def test_a_number_of_the_body_is_shown_as_it_is():
    def priced():
        streaminstr.current_stream().set_attribute("shop.price", 0.123456789)
        yield b""

    list(stream_of(priced()))
    assert line("stream_closed")["shop.price"] == 0.123456789
