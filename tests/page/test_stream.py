"""The page of one stream, and the button that closes it."""

import re
from dataclasses import replace

import pytest
from django.conf import settings
from django.test import override_settings

from page_roster import ENDED, ID, ROW, row
from streaminstr._process.rows import CloseResult, Sample

TRACE_URL = "https://tracing.example.com/{trace_id}?span={span_id}"
MARKUP = "<b>'\"&"


@pytest.fixture
def page(operator):
    """The page of a stream, as text."""

    def get(id_=ID, status=200):
        answer = operator.get(f"/streams/{id_}/")
        assert answer.status_code == status
        return answer.content.decode()

    return get


def with_trace_url(template):
    return override_settings(STREAMINSTR={**settings.STREAMINSTR, "TRACE_URL": template})


def test_it_tells_the_facts(page, roster):
    roster.has(row(1), replace(ROW, rates={"llm.tokens": 12.34}))
    text = page()
    for fact in ("75 s", "2.5 s ago", "1,234", "56.8 kB", "GET orders/", "web-1:4711"):
        assert fact in text
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in text
    assert "00f067aa0ba902b7" in text
    assert "<dt>llm.tokens</dt><dd>12.3 /s</dd>" in text


@pytest.mark.usefixtures("roster")
def test_it_tells_where_the_body_waits_and_where_to_look_first(page):
    frames = re.findall(r"<li( class=\"first\")?><code>([^<]+)", page())
    assert [frame for _, frame in frames] == [*ROW.waits]
    assert [frame for first, frame in frames if first] == [ROW.waits_at]


def test_where_no_one_can_look_it_says_so(page, roster):
    roster.has(replace(ROW, waits=(), waits_at=""))
    assert "It cannot be seen from outside." in page()


def test_the_timeline_shows_chunks_and_gaps(page, roster):
    roster.samples = (
        Sample(age=25.0, chunks=1000, bytes=50_000, idle=0.1),
        Sample(age=50.0, chunks=1000, bytes=50_000, idle=25.1),
    )
    text = page()
    rects = re.findall(r'<rect x="([\d.]+)" [^>]*width="([\d.]+)" [^>]*class="(\w+)">', text)
    assert rects == [
        ("0.0", "213.33", "bar"),
        ("213.33", "213.33", "gap"),
        ("426.67", "213.33", "bar"),
    ]
    assert "25 s to 50 s: no chunk" in text
    assert "0.0 s to 25 s: 1,000 chunks, 50.0 kB" in text
    assert "longest seen: 25 s" in text


@pytest.mark.usefixtures("roster")
def test_a_trace_is_linked_where_the_setting_says_how(page):
    assert 'id="trace"' not in page()
    with with_trace_url(TRACE_URL):
        link = f"https://tracing.example.com/{ROW.trace_id}?span={ROW.span_id}"
        assert f'<a id="trace" href="{link}"' in page()


def test_a_stream_without_an_id_that_the_address_needs_has_no_link(page, roster):
    roster.has(replace(ROW, span_id=None))
    with with_trace_url(TRACE_URL):
        assert 'id="trace"' not in page()


def test_an_id_with_markup_cannot_leave_its_place_in_the_address(page, roster):
    roster.has(replace(ROW, trace_id='"><script>/../?&', name=MARKUP))
    with with_trace_url("https://tracing.example.com/{trace_id}"):
        text = page()
    assert 'href="https://tracing.example.com/%22%3E%3Cscript%3E%2F..%2F%3F%26"' in text
    assert "<script>/" not in text
    assert MARKUP not in text


@pytest.mark.usefixtures("roster")
def test_where_streaminstr_is_no_setting_there_is_no_link(page):
    del settings.STREAMINSTR
    assert 'id="trace"' not in page()


def test_a_stream_that_has_just_ended_says_how(page, roster):
    roster.has(ended=(ENDED,))
    text = page(ENDED.id)
    assert "cancelled by server" in text
    assert "(too long)" in text
    assert "<form" not in text


@pytest.mark.parametrize("is_on", [True, False])
def test_an_unknown_stream_is_answered_404_on_the_page_itself(page, roster, is_on):
    roster.is_on = is_on
    text = page("f" * 16, status=404)
    assert "No open stream has the id <code>ffffffffffffffff</code>" in text
    assert 'id="live"' in text
    assert ("ROSTER" in text) is not is_on


@pytest.mark.parametrize("address", ["x" * 16, "0" * 15, "0" * 17, "ABCDEF0123456789"])
def test_what_is_no_id_is_no_address(operator, address):
    assert operator.get(f"/streams/{address}/").status_code == 404


@pytest.mark.usefixtures("roster")
def test_the_script_gets_the_part_that_changes_alone(operator):
    part = operator.get(f"/streams/{ID}/?part").content.decode()
    assert part.startswith('<div id="live" data-every="2">')
    assert "<form" not in part


@pytest.mark.parametrize(
    ("result", "status", "title", "text"),
    [
        (CloseResult.CLOSED, 200, "Closed", "has ended, as cancelled by the server"),
        (CloseResult.ASKED, 202, "Asked to end", "has been asked to end, and is still open"),
        (CloseResult.GONE, 404, "No such stream", "It may have ended by itself"),
        (CloseResult.UNANSWERED, 202, "No answer yet", "did not answer in time"),
    ],
)
def test_the_result_of_a_close_is_said(operator, roster, result, status, title, text):
    roster.result = result
    answer = operator.post(f"/streams/{ID}/close/")
    html = answer.content.decode()
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in html
    assert text in html
    assert roster.asked == [(ID, "")]


def test_a_page_about_a_close_does_not_refresh(operator, roster):
    html = operator.post(f"/streams/{ID}/close/?part", {"reason": MARKUP}).content.decode()
    assert 'id="live"' not in html
    assert roster.asked == [(ID, MARKUP)]
