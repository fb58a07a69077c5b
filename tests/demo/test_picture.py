"""What the demo makes of recorded spans."""

from streaminstr.demo import print_traces
from streaminstr.demo.lines import Line
from streaminstr.demo.picture import BAR, Trace, traces, tree
from streaminstr.demo.spans import Span
from streaminstr.demo.visits import NEVER_READ, Visit

MS = 1_000_000


def visit(expected="completed"):
    return Visit("WSGI", 1, "export", "/export/", expected, lambda _: None)


def span(name, begin, end, parent=None, **attributes):
    return Span(
        name=name,
        trace_id="t",
        span_id=name,
        parent_id=parent,
        started_ns=begin * MS,
        ended_ns=end * MS,
        attributes=attributes,
    )


REQUEST = span("request", 0, 10, request_id="wsgi-export")
STREAM = span(
    "GET export/",
    10,
    100,
    "request",
    **{
        "streaminstr.outcome": "completed",
        "streaminstr.chunks": 2.0,
        "streaminstr.bytes": 10.0,
        "streaminstr.longest_gap": 0.0123,
    },
)
QUERY = span("query", 20, 30, STREAM.span_id)


def test_a_tree_has_parents_before_children_in_the_order_of_their_beginnings():
    found = [(depth, span.name) for depth, span in tree([QUERY, STREAM, REQUEST])]
    assert found == [(0, "request"), (1, "GET export/"), (2, "query")]


def test_the_heading_says_why():
    attributes = {**STREAM.attributes, "streaminstr.outcome": "failed", "error.type": "ValueError"}
    failed = span("GET export/", 10, 100, **attributes)
    heading = next(Trace(visit(), [failed], []).waterfall())
    assert heading == "wsgi-export: failed with ValueError"


def test_a_trace_has_the_spans_of_its_request_and_the_lines_with_its_id():
    other = Span(name="x", trace_id="other", span_id="x", parent_id=None, started_ns=0)
    lines = [Line(0, "ours", "wsgi-export", "t"), Line(0, "theirs", "asgi-export", "t")]
    (trace,) = traces([visit()], [REQUEST, other, QUERY], lines)
    assert trace.spans == [REQUEST, QUERY]
    assert trace.lines == lines[:1]


def test_a_row_has_whole_counts_and_milliseconds_and_a_dash_for_what_is_not_known():
    row = Trace(visit(), [REQUEST, STREAM], []).row()
    assert row == ("WSGI", "GET export/", "completed", "2", "10", "-", "12.3", "-", "-")


def test_a_tenth_of_a_second_and_more_is_shown_in_whole_milliseconds():
    ended = {"streaminstr.outcome": "failed", "streaminstr.longest_gap": 0.12345}
    assert Trace(visit(), [span("s", 0, 1, **ended)], []).row()[6] == "123"


def test_a_row_names_who_cancelled():
    ended = {"streaminstr.outcome": "cancelled", "streaminstr.cancelled_by": "client"}
    assert Trace(visit(), [span("s", 0, 1, **ended)], []).row()[2] == "cancelled by client"


def test_a_stream_that_was_never_stepped_has_a_row_of_dashes():
    assert Trace(visit(), [REQUEST], []).row()[2:4] == (NEVER_READ, "-")


def test_what_an_event_stream_has_counted_stands_below_its_bars():
    counted = {
        "streaminstr.outcome": "completed",
        "streaminstr.rate.shop.tokens": 20.0,
        "streaminstr.mark.first_token": 0.0123,
        "streaminstr.events": 2.0,
        "streaminstr.pings": 1.0,
        "streaminstr.time_to_first_event": 0.05,
        "shop.tokens": 7.0,
    }
    shown = list(Trace(visit(), [span("s", 0, 1, **counted)], []).waterfall())
    assert [line.strip() for line in shown[2:]] == [
        "2 events, 1 pings, first event after 50.0 ms",
        "first_token after 12.3 ms",
        "shop.tokens 7, 20.0 /s",
    ]


def test_a_long_log_line_goes_on_below_itself():
    line = Line(0, "word " * 40, "wsgi-export", "t")
    (_, _, shown) = Trace(visit(), [span("s", 0, 1)], [line]).waterfall()
    assert [len(part) <= 80 for part in shown.splitlines()] == [True] * 4


def test_bars_keep_to_their_place_in_time():
    bars = [line for line in Trace(visit(), [REQUEST, STREAM], []).waterfall() if "|" in line]
    request, stream = (line.split("|")[1] for line in bars)
    assert request == ("=" * 3).ljust(BAR)
    assert stream == " " * 3 + "=" * 27


def test_a_moment_still_has_a_bar_of_its_own():
    (bar,) = [line for line in Trace(visit(), [span("s", 5, 5)], []).waterfall() if "|" in line]
    assert bar.split("|")[1] == "=".ljust(BAR)


def test_a_visit_of_which_nothing_was_recorded_is_shown_as_such():
    assert list(Trace(visit(), [], []).waterfall()) == ["wsgi-export: never read"]


def test_a_stream_that_ended_otherwise_than_expected_is_told_with_exit_code_1(capsys):
    assert print_traces([Trace(visit("failed"), [REQUEST, STREAM], [])], "log") == 1
    assert "wsgi-export is completed, and not failed." in capsys.readouterr().out
