"""`streaminstr.stream_id`: on the span of each vendor from its start, and on no metric."""

import re

import structlog

import streaminstr
from streaminstr import current_stream


def test_it_is_on_the_span_and_is_that_of_the_handle(vendor, stream):
    seen = []

    def body():
        seen.append(current_stream().id)
        yield b"one"

    list(stream(body()))
    assert seen == [vendor.node()["streaminstr.stream_id"]]
    assert re.fullmatch("[0-9a-f]{16}", seen[0])


def test_each_stream_has_its_own(vendor, stream):
    list(stream(name="one"))
    list(stream(name="two"))
    one, two = (vendor.node(name)["streaminstr.stream_id"] for name in ("one", "two"))
    assert one != two


def test_the_log_events_have_it_with_the_ids_of_the_span(vendor, stream):
    made = stream(log_levels={"opened": "info"})
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        list(made)
    node = vendor.node()
    expected = {
        **vendor.log_ids(node),
        "streaminstr.stream_id": node["streaminstr.stream_id"],
    }
    assert [line["event"] for line in lines] == ["stream_opened", "stream_closed"]
    for line in lines:
        assert expected.items() <= line.items()


def test_no_metric_has_it(otel, force):
    force(otel.backend)
    list(streaminstr.stream([b"one"], name="s"))
    assert otel.points
    for _, points in otel.points.values():
        assert all("streaminstr.stream_id" not in point.attributes for point in points)
