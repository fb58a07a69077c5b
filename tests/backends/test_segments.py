"""Segments as the vendors show them: spans of one trace, each linked to the one before it."""

from itertools import pairwise
from math import inf

import pytest

import streaminstr
from streaminstr._core.handle import current
from streaminstr._core.life import open_lives
from streaminstr._process import progress

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


@pytest.fixture
def cut(vendor, force):
    """Cut a stream over `body` before each step but the first; returns it at its end."""

    def cut(body=(b"1", b"22", b"333"), *, request=None, **options):
        force(vendor.backend, segment_interval=inf, log_levels=SILENT, **options)
        if request is None:
            made = streaminstr.stream(body, name="s")
        else:
            with vendor.request(request):
                made = streaminstr.stream(body, name="s")
        for _ in made:
            ask(made)
        return made

    return cut


def ask(made):
    made._life.handle.progress.segments.ask(made._life)


def segments(vendor):
    return [node for node in vendor.nodes if node.name == "s"]


def test_numbers_and_outcome(vendor, cut):
    cut()
    nodes = segments(vendor)
    assert [node["streaminstr.segment"] for node in nodes] == [0, 1, 2, 3]
    assert [node["streaminstr.chunks"] for node in nodes] == [1, 1, 1, 3]
    assert [node["streaminstr.bytes"] for node in nodes] == [1, 2, 3, 6]
    assert [node.attributes.get("streaminstr.outcome") for node in nodes] == [
        *[None] * 3,
        "completed",
    ]
    assert not any("streaminstr.stalled" in node.attributes for node in nodes)
    assert len({node["streaminstr.stream_id"] for node in nodes}) == 1


def test_one_trace_one_parent_and_a_chain_of_links(vendor, cut):
    cut(request="request")
    request, nodes = vendor.node("request"), segments(vendor)
    assert {(node.trace_id, node.parent_id) for node in nodes} == {
        (request.trace_id, request.span_id)
    }
    assert [node.links for node in nodes] == [(), *[(node.span_id,) for node in nodes[:-1]]]


@pytest.mark.parametrize("options", [{}, {"parent": "link"}], ids=["no request", "link"])
def test_where_the_stream_begins_the_trace_its_first_segment_is_the_parent(vendor, cut, options):
    cut(request="request" if options else None, **options)
    first, *others = segments(vendor)
    assert first.parent_id is None
    assert {(node.trace_id, node.parent_id) for node in others} == {(first.trace_id, first.span_id)}
    assert first.links == ((vendor.node("request").span_id,) if options else ())


def test_one_ends_before_the_next_begins(vendor, cut):
    cut()
    nodes = segments(vendor)
    for before, after in pairwise(nodes):
        assert before.start_ns + before.duration_ns <= after.start_ns


def test_children_and_log_lines_belong_to_the_segment_of_their_step(vendor, cut):
    fields = []

    def body():
        for number in range(3):
            with vendor.request(f"child {number}"):
                pass
            fields.append(dict(current.get().fields))
            yield b"chunk"

    cut(body())
    nodes = segments(vendor)
    for number in range(3):
        assert vendor.node(f"child {number}").parent_id == nodes[number].span_id
        assert vendor.log_ids(nodes[number]).items() <= fields[number].items()


def test_a_stream_in_a_later_step_is_a_child_of_that_segment(vendor, cut):
    def body():
        yield b"1"
        yield from streaminstr.stream([b"2"], name="inner")

    cut(body())
    assert vendor.node("inner").parent_id == segments(vendor)[1].span_id


def test_a_span_that_the_body_holds_is_waited_for(vendor, cut):
    """Its token would bring the ended segment back."""
    cut(held(vendor))
    nodes = segments(vendor)
    assert [node["streaminstr.chunks"] for node in nodes] == [1, 3, 1, 5]
    assert vendor.node("held").parent_id == nodes[1].span_id


def held(vendor):
    yield b"1"
    with vendor.request("held"):
        yield b"2"
        yield b"3"
    yield b"4"
    yield b"5"


def test_what_fails_fails_in_its_last_segment(vendor, cut):
    def body():
        yield b"1"
        msg = "no such order"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="no such order"):
        cut(body())
    first, last = segments(vendor)
    assert (first.is_error, first.error_type, first.exceptions) == (False, None, 0)
    assert (last.is_error, last.error_type, last.exceptions) == (True, "ValueError", 1)


def test_cancelled_is_error_is_about_the_end(vendor, cut):
    """Not about a segment of a stream that goes on."""
    cut(cancelled_is_error=True)
    assert not any(node.is_error or node.error_type for node in segments(vendor))


def test_progress_is_no_error_either(vendor, force):
    force(vendor.backend, progress_interval=3600, cancelled_is_error=True, log_levels=SILENT)
    made = streaminstr.stream([b"1", b"2"], name="s")
    next(made)
    (life,) = open_lives()
    life.handle.progress.due = 0.0
    progress.show_due()
    list(made)
    assert (vendor.node().is_error, vendor.node().error_type) == (False, None)


def test_one_stream_in_the_metrics(otel, force):
    force(otel.backend, segment_interval=inf, log_levels=SILENT)
    made = streaminstr.stream([b"1", b"22"], name="s")
    for _ in made:
        ask(made)
    (duration,) = otel.points["streaminstr.stream.duration"][1]
    (size,) = otel.points["streaminstr.stream.body.size"][1]
    (active,) = otel.points["streaminstr.active_streams"][1]
    assert (duration.count, size.sum, active.value) == (1, 3, 0)


def test_a_span_that_cannot_begin_is_missed_and_nothing_else(otel, force, monkeypatch):
    force(otel.backend, segment_interval=inf, log_levels=SILENT)
    made = streaminstr.stream([b"1", b"2", b"3"], name="s")
    next(made)
    monkeypatch.setattr(otel.backend, "tracer", None)
    for _ in range(2):
        ask(made)
        next(made)
    assert list(made) == []
    (first,) = segments(otel)
    assert first["streaminstr.segment"] == 0
    streaminstr._calls.guard.errors.clear()
