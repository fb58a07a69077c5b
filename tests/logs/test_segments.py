"""Log lines of a stream that is cut into segments: each has the ids of its own segment."""

import gc
import logging
from math import inf

import pytest
import structlog
from structlog.contextvars import bound_contextvars

import streaminstr
from log_lines import in_mode, lines, values
from log_site import in_thread
from streaminstr import _configure
from streaminstr.log import StreamFilter
from streaminstr.testing import RecordingBackend

pytestmark = pytest.mark.filterwarnings("ignore:`structlog.threadlocal` is dep:DeprecationWarning")

log = structlog.get_logger("site")
IDS = [(f"{number:016x}",) for number in (1, 2, 3)]
"""What the spans of the segments of the first stream are called."""


@pytest.fixture(autouse=True)
def _segments():
    in_mode("contextvars")
    with _configure.forced(_configure.build(RecordingBackend(), segment_interval=inf)):
        yield


def cut(body):
    """A stream that is made in a request, and cut after each step."""
    with bound_contextvars(request="a"):
        made = streaminstr.stream(body, name="s")
    for _ in made:
        made._life.handle.progress.segments.ask(made._life)


@pytest.mark.parametrize("mode", ["contextvars", "wrap_dict", "bind_threadlocal"])
def test_any_logger_in_a_step(mode):
    in_mode(mode)
    if mode != "contextvars":
        structlog.threadlocal.bind_threadlocal(request="a")

    def body():
        for _ in range(2):
            log.info("step")
            yield b"chunk"

    cut(body())
    assert values("step", "span_id") == IDS[:2]
    assert values("stream_closed", "span_id") == IDS[2:]


def test_the_loggers_of_the_stream_whenever_they_were_taken():
    taken = []

    def body():
        for number in range(2):
            taken.append(streaminstr.current_stream().logger.bind(number=number))
            for logger in taken:
                logger.info("step")
            yield b"chunk"

    cut(body())
    assert values("step", "number", "span_id") == [
        *((0, *IDS[0]), (0, *IDS[1])),
        (1, *IDS[1]),
    ]


def test_a_field_that_the_body_has_bound_itself_stays():
    def body():
        logger = streaminstr.current_stream().logger.bind(span_id="mine")
        for _ in range(2):
            logger.info("step")
            yield b"chunk"

    cut(body())
    assert values("step", "span_id") == [("mine",), ("mine",)]


@pytest.mark.parametrize("mode", ["contextvars", "wrap_dict", "bind_threadlocal"])
def test_elsewhere_and_afterwards_a_logger_has_the_ids_of_the_newest(mode):
    """And of what is bound, that of the request alone."""
    in_mode(mode)
    if mode != "contextvars":
        structlog.threadlocal.bind_threadlocal(request="a")
    loggers = []

    def body():
        for number in range(2):
            loggers.append(streaminstr.current_stream().logger)
            with bound_contextvars(row=number):
                in_thread(loggers[0].info, "elsewhere")
                yield b"chunk"

    cut(body())
    loggers[0].info("after")
    assert values("elsewhere", "span_id") == IDS[:2]
    assert values("after", "span_id", "request", "row") == [(*IDS[2], "a", None)]


def test_what_a_vendor_has_in_a_context_variable_goes_with_it():
    """As its own log injection does, also for a line from elsewhere."""
    backend = RecordingBackend()
    seen = []

    def look(logger, method, event):
        seen.append(backend.current and backend.current.span_id)
        return event

    in_mode("contextvars", look)

    def body():
        for _ in range(2):
            in_thread(streaminstr.current_stream().logger.info, "elsewhere")
            yield b"chunk"

    with _configure.forced(
        _configure.build(backend, segment_interval=inf, log_levels={"completed": None})
    ):
        cut(body())
    assert [(one,) for one in seen] == IDS[:2]


def test_standard_loggers(monkeypatch, caplog):
    monkeypatch.setattr("streaminstr.log.structured.installed", lambda: None)
    caplog.set_level(logging.INFO)
    caplog.handler.addFilter(StreamFilter())
    logger = logging.getLogger("shop")

    def body():
        own = streaminstr.current_stream().logger
        for _ in range(2):
            logger.info("step")
            own.info("own")
            yield b"chunk"

    cut(body())
    found = [(one.span_id,) for one in caplog.records if "stream_closed" not in one.getMessage()]
    assert found == [IDS[0], IDS[0], IDS[1], IDS[1]]


def test_no_reference_cycle_is_made():
    """A stream that is cut and dropped ends at once."""

    def body():
        while True:
            streaminstr.current_stream().logger.info("step")
            yield b"chunk"

    made = streaminstr.stream(body(), name="s")
    next(made)
    made._life.handle.progress.segments.ask(made._life)
    next(made)
    gc.disable()
    try:
        with pytest.warns(ResourceWarning):
            del made
        assert lines("stream_closed")
    finally:
        gc.enable()


def test_a_stream_in_a_step_of_another():
    def inner():
        for _ in range(2):
            log.info("inner")
            yield b"chunk"

    def outer():
        made = streaminstr.stream(inner(), name="inner")
        for chunk in made:
            log.info("outer")
            yield chunk

    cut(outer())
    outer_ids, inner_ids = values("outer", "span_id"), values("inner", "span_id")
    assert len(set(outer_ids)) == 2
    assert len(set(inner_ids)) == 1
    assert set(outer_ids).isdisjoint(inner_ids)
