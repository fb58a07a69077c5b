"""What both vendors' backends do, each in its own terms."""

import logging
import time
from contextvars import copy_context
from threading import Thread

import pytest

import streaminstr
from streaminstr import StreamInfo
from streaminstr._handle import Handle
from streaminstr._wrap import settle, wrap


class OutOfStockError(Exception):
    pass


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError


def failing(error):
    yield b"one"
    raise error


def in_thread(function):
    thread = Thread(target=function)
    thread.start()
    thread.join()


def test_child_of_the_span_where_it_was_made(vendor, stream):
    with vendor.request():
        body = stream()
    list(body)
    assert vendor.node().parent_id == vendor.node("request").span_id
    assert vendor.node().trace_id == vendor.node("request").trace_id


def test_parent_may_be_open_until_the_end(vendor, stream):
    with vendor.request():
        list(stream())
    assert vendor.node().parent_id == vendor.node("request").span_id


def test_parent_is_kept_in_another_thread(vendor, stream):
    with vendor.request():
        body = stream()
    in_thread(lambda: list(body))
    assert vendor.node().parent_id == vendor.node("request").span_id


def test_span_may_end_in_another_thread_and_context(vendor, stream):
    body = stream()
    next(body)
    in_thread(body.close)
    assert vendor.node()["streaminstr.outcome"] == "cancelled"


def test_without_a_parent_it_is_a_root(vendor, stream):
    list(stream())
    assert vendor.node().parent_id is None


def test_linked_to_the_request_in_a_trace_of_its_own(vendor, stream):
    with vendor.request():
        body = stream(parent="link")
    list(body)
    node, request = vendor.node(), vendor.node("request")
    assert (node.parent_id, node.links) == (None, (request.span_id,))
    assert node.trace_id != request.trace_id


def test_nothing_to_link_to(vendor, stream):
    list(stream(parent="link"))
    assert vendor.node().links == ()


def test_current_in_each_step_and_nowhere_else(vendor, stream):
    seen = []

    def body():
        seen.append(vendor.current())
        yield b"one"
        seen.append(vendor.current())

    made = stream(body())
    between = [next(made), vendor.current()][1]
    list(made)
    assert seen == [vendor.node().span_id] * 2
    assert between is None


def test_children_of_a_step(vendor, stream):
    def body():
        with vendor.request("child"):
            yield b"one"

    list(stream(body()))
    assert vendor.node("child").parent_id == vendor.node().span_id


def test_taking_turns_with_another_stream(vendor, stream):
    outer, other = stream(name="a"), stream(name="b")
    next(outer), next(other), list(outer), list(other)
    assert vendor.node("a").parent_id is vendor.node("b").parent_id is None


def test_body_within_a_body(vendor, stream):
    def body():
        yield from streaminstr.stream([b"one"], name="inner")

    list(stream(body(), name="outer"))
    assert vendor.node("inner").parent_id == vendor.node("outer").span_id


def test_completed_is_no_error(vendor, stream):
    list(stream())
    node = vendor.node()
    assert node["streaminstr.outcome"] == "completed"
    assert (node.is_error, node.error_type, node.exceptions) == (False, None, 0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("no"), "ValueError"), (OutOfStockError("no"), f"{__name__}.OutOfStockError")],
)
def test_failure_is_an_error_recorded_once(vendor, stream, error, kind):
    with pytest.raises(type(error)):
        list(stream(failing(error)))
    node = vendor.node()
    assert (node.is_error, node.error_type, node.exceptions) == (True, kind, 1)
    assert node["streaminstr.outcome"] == "failed"


def test_cancelled_is_no_error(vendor, stream):
    body = stream()
    next(body)
    body.close(cancelled_by="client")
    node = vendor.node()
    assert (node.is_error, node.error_type, node.exceptions) == (False, None, 0)
    assert node["streaminstr.cancelled_by"] == "client"


def test_cancelled_is_an_error_where_so_configured(vendor, stream):
    body = stream(cancelled_is_error=True)
    next(body)
    body.close()
    node = vendor.node()
    assert (node.is_error, node.error_type, node.exceptions) == (True, "cancelled", 0)


def test_abandoned_is_ended_by_the_collector(vendor, stream):
    body = stream()
    next(body)
    bodies = [body]
    del body
    with pytest.warns(ResourceWarning):
        bodies.clear()
    assert vendor.node()["streaminstr.outcome"] == "abandoned"
    assert not vendor.node().is_error


def test_never_stepped_has_no_span(vendor, stream):
    stream().close()
    assert vendor.nodes == []


def test_started_when_the_response_was_made(vendor, force):
    """A file that the server sends by itself: the span is dated back (StreamInfo.started_ns)."""
    force(vendor.backend)
    made = time.time_ns() - 5_000_000_000
    info = StreamInfo(name="s", started_ns=made)
    settle(wrap([b""], Handle(info), streaminstr._configure.current()), 1024)
    node = vendor.node()
    assert node.start_ns == made
    assert node.duration_ns >= 5_000_000_000
    assert (node["streaminstr.zero_copy"], node["streaminstr.bytes"]) == ("true", 1024.0)


def test_types_of_attributes_are_kept(vendor, stream):
    given = {
        "a.text": "x",
        "a.flag": True,
        "a.count": 3,
        "a.ratio": 0.5,
        "http.request.method": "GET",
    }
    list(stream(attributes={**given, "http.response.status_code": 206}))
    attributes = vendor.node().attributes
    assert attributes["a.text"] == "x"
    assert attributes["a.flag"] == "true"
    assert (attributes["a.count"], attributes["a.ratio"]) == (3.0, 0.5)
    assert attributes["http.request.method"] == "GET"
    assert attributes["http.response.status_code"] == "206"


def test_numbers_of_the_stream(vendor, stream):
    list(stream([b"one", "zwölf", b""]))
    assert vendor.node()["streaminstr.chunks"] == 3.0
    assert vendor.node()["streaminstr.bytes"] == 9.0
    assert isinstance(vendor.node()["streaminstr.producer_time"], float)


def test_attributes_set_by_the_body(vendor, stream):
    def body():
        streaminstr.current_stream().set_attribute("rows", 2)
        yield b""

    list(stream(body()))
    assert vendor.node()["rows"] == 2.0


def test_log_lines_carry_the_ids_of_the_span(vendor, stream):
    handles = []

    def body():
        handles.append(streaminstr.current_stream())
        yield b""

    list(stream(body()))
    fields, expected = handles[0].fields, vendor.log_ids(vendor.node())
    assert {name: fields[name] for name in expected} == expected


def test_an_exception_without_words_still_ends_the_span(vendor, stream, monkeypatch):
    """Its `str` raises. Whatever the vendor makes of that, no span is left open."""
    monkeypatch.setattr("streaminstr._calls.guard.logger", logging.getLogger("elsewhere"))
    with pytest.raises(MuteError):
        list(stream(failing(MuteError())))
    assert vendor.node().is_error
    assert vendor.node().error_type == f"{__name__}.MuteError"
    streaminstr._calls.guard.errors.clear()


def test_progress_is_put_on_the_open_span(vendor):
    scope = copy_context().run(vendor.backend.open, StreamInfo(name="s"))
    copy_context().run(scope.start)
    scope.progress(report(chunks=7, stalled="consumer"))
    scope.close(report())
    attributes = vendor.node().attributes
    assert attributes["streaminstr.chunks"] == 1.0
    assert "streaminstr.stalled" not in attributes


def report(**numbers):
    return streaminstr.StreamReport(
        **{"outcome": streaminstr.Outcome.COMPLETED, "chunks": 1, **numbers}
    )


def test_flush(vendor):
    vendor.backend.flush(0.1)
