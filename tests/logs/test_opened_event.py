"""`stream_opened`: one event before the first step, where it is asked for."""

import pytest
import structlog
from structlog.contextvars import bound_contextvars

import streaminstr
from log_lines import in_mode, line, lines, values
from streaminstr import StreaminstrError, _configure
from streaminstr._core.handle import current
from streaminstr.log import DEFAULT_LEVELS, LogBackend
from streaminstr.testing import RecordingBackend
from streaminstr.types import NOTHING

ASKED = {"opened": "debug"}


@pytest.fixture(autouse=True)
def _mode():
    in_mode("contextvars")


def body():
    structlog.contextvars.bind_contextvars(row=1)
    structlog.get_logger().info("in the body")
    yield b"ab"


def read(backend="log", **options):
    with _configure.forced(_configure.build(backend, **options)), bound_contextvars(request="a"):
        made = streaminstr.stream(body(), name="n", attributes={"shop": "north"})
        with made:
            next(made)
        return made


def test_by_default_there_is_none():
    read()
    assert DEFAULT_LEVELS["opened"] is None
    assert lines("stream_opened") == []


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("log", {"log_levels": ASKED}),
        ("log", {"options": {"levels": ASKED}}),
        (LogBackend(levels=ASKED), {"log_levels": {"opened": "error"}}),
        ([RecordingBackend()], {"log_levels": {**dict.fromkeys(DEFAULT_LEVELS), **ASKED}}),
    ],
)
def test_it_comes_before_the_body_at_its_level(backend, options):
    read(backend, **options)
    assert [each["event"] for each in lines()][:2] == ["stream_opened", "in the body"]
    assert line("stream_opened")["log_level"] == "debug"


def test_it_has_the_ids_and_bindings_of_the_closing_event():
    read([RecordingBackend()], log_levels=ASKED)
    same = ("streaminstr.stream_id", "trace_id", "span_id", "stream", "request", "shop")
    opened, closed = values("stream_opened", *same), values("stream_closed", *same)
    assert opened == closed
    assert None not in opened[0]


def test_the_closing_event_still_has_what_the_body_has_bound():
    """Also where no processor looks at what is bound then."""
    in_mode("immutable")
    read(log_levels=ASKED)
    assert values("stream_closed", "row") == [(1,)]


def test_the_stream_is_current_where_it_is_emitted():
    seen = []

    def look(logger, method, event):
        if event["event"] == "stream_opened":
            seen.append(streaminstr.current_stream().id)
        return event

    in_mode("contextvars", look)
    made = read(log_levels=ASKED)
    assert seen == [made._life.handle.id] == [line("stream_closed")["streaminstr.stream_id"]]
    assert current.get() is None


def test_a_stream_that_is_never_stepped_has_none():
    with _configure.forced(_configure.build("log", log_levels=ASKED)):
        streaminstr.stream(body(), name="n").close()
    assert lines() == []


def test_an_event_that_cannot_be_emitted_breaks_nothing(monkeypatch):
    def refuse(*_):
        raise LookupError

    monkeypatch.setattr("streaminstr.log.backend.stream_logger", refuse)
    read(log_levels=ASKED)
    assert len(lines("stream_closed")) == 1


def test_with_none_for_a_level_nothing_is_emitted():
    LogBackend().announce(current.get())
    assert lines() == []


@pytest.mark.parametrize("levels", [{"opened": "loud"}, {"open": "info"}])
def test_a_level_or_key_that_there_is_not_is_refused(levels):
    with pytest.raises(StreaminstrError, match="`opened`"):
        LogBackend(levels=levels)
    with pytest.raises(StreaminstrError, match="`opened`"):
        _configure.build("log", log_levels=levels)


def test_the_id_is_in_what_a_backend_puts_on_a_span():
    info = streaminstr.StreamInfo(name="n", attributes={"shop": "north"}, stream_id="0f")
    assert info.as_attributes() == {"streaminstr.stream_id": "0f", "shop": "north"}
    assert streaminstr.StreamInfo(name="n").as_attributes() == dict(NOTHING)
