"""The record of an exception that has ended a stream: the server makes it, outside of it."""

import io
import logging
import pickle

import pytest
from structlog.contextvars import bound_contextvars

import streaminstr
from log_lines import FieldsBackend, in_mode, line
from streaminstr import _configure
from streaminstr.log import StreamFilter, raised, structured

SERVER = logging.getLogger("gunicorn.error")
IDS = {"trace_id": "t1", "span_id": "s1", "args": 7}
FORM = "%(message)s|%(stream)s|%(request_id)s|%(trace_id)s|%(streaminstr.stream_id)s"
DEFAULTS = dict.fromkeys(("stream", "request_id", "trace_id", "streaminstr.stream_id"), "-")


@pytest.fixture(autouse=True)
def _mode():
    in_mode("contextvars")
    with _configure.forced(_configure.build(FieldsBackend(IDS))):
        yield


@pytest.fixture
def written():
    """What a handler with the filter writes of the server's records."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(StreamFilter())
    handler.setFormatter(logging.Formatter(FORM, defaults=DEFAULTS))
    SERVER.addHandler(handler)
    yield lambda: stream.getvalue().partition("\n")[0]
    SERVER.removeHandler(handler)


def body(error=None):
    yield b"a"
    raise ValueError("no price") if error is None else error


def serve(source, **bound):
    """Send a body as a server does: what it raises is logged outside of all streams."""
    with bound_contextvars(request_id="r1", **bound):
        stream = streaminstr.stream(source, name="orders.export")
    try:
        list(stream)
    except ValueError as error:
        SERVER.exception("Error handling request")
        return error
    return None


def test_it_has_the_ids_of_the_event_and_the_event_has_no_traceback(written):
    serve(body())
    event = line("stream_closed")
    assert written() == (
        f"Error handling request|orders.export|r1|t1|{event['streaminstr.stream_id']}"
    )
    assert (event["request_id"], event["trace_id"], "exc_info" in event) == ("r1", "t1", False)


def test_an_exception_that_was_raised_from_it_has_them_too(written):
    def wrapping():
        try:
            yield from streaminstr.stream(body(), name="inner")
        except ValueError as error:
            raise RuntimeError from error

    try:
        list(wrapping())
    except RuntimeError:
        SERVER.exception("Error handling request")
    assert "|inner|" in written()


def test_of_streams_that_read_each_other_it_is_the_outermost(written):
    serve(streaminstr.stream(body(), name="inner"))
    assert "|orders.export|r1|" in written()


@pytest.mark.parametrize("exceptions", ["type", "message"])
def test_it_is_so_too_where_spans_have_less_of_the_exception(written, exceptions):
    with _configure.forced(_configure.build(FieldsBackend(IDS), exceptions=exceptions)):
        serve(body())
    assert "|orders.export|r1|" in written()


def test_where_the_stream_has_a_field_it_is_not_overwritten(written):
    try:
        list(streaminstr.stream(body(), name="n"))
    except ValueError:
        SERVER.exception("Error handling request", extra={"stream": "mine", "trace_id": "0"})
    assert "|mine|-|t1|" in written()


def test_other_records_stay_as_they_are(written):
    SERVER.error("nothing was raised")
    assert written() == "nothing was raised|-|-|-|-"


def test_an_exception_of_no_stream_stays_as_it_is(written):
    error, other = ValueError(), KeyError()
    error.__context__, other.__context__ = other, error  # a circle has an end
    SERVER.error("of no stream", exc_info=error)
    assert written() == "of no stream|-|-|-|-"


def test_what_is_no_exc_info_is_none():
    record = logging.makeLogRecord({"exc_info": True})
    assert StreamFilter().filter(record)
    assert "stream" not in vars(record)


def test_the_exception_can_be_pickled_as_before(written):
    error = serve(body(), request=object())
    same = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(same), same.args) == (ValueError, ("no price",))


def test_without_a_filter_an_exception_is_as_it_was(monkeypatch):
    monkeypatch.setattr(raised.state, "is_wanted", False)
    assert vars(serve(body())) == {}


def test_without_structlog_it_has_the_ids(written, monkeypatch):
    monkeypatch.setattr(structured, "installed", lambda: None)
    serve(body())
    assert "|orders.export|-|t1|" in written()


def test_what_cannot_be_noted_hinders_nothing(written):
    class Odd(ValueError):
        __dict__ = None

    assert type(serve(body(Odd()))) is Odd
    assert "|-|-|-|-" in written()
