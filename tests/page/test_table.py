"""The table: what it shows, and what of it a visitor can ask for."""

import re
from dataclasses import replace
from types import MappingProxyType

import pytest
from django.test import override_settings
from django.utils import translation

from page_roster import ENDED, ROW, WORKER, row
from streaminstr.types import NOTHING

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def html(visitor):
    """The page, as text."""

    def get(query=""):
        answer = visitor.get(f"/streams/{query}")
        assert answer.status_code == 200
        return answer.content.decode()

    return get


def ids(html):
    """The streams in the table, in their order."""
    return [int(one, 16) for one in re.findall(r'id="s-(\w+)"', html)]


def cells(html, name):
    return [text for text in re.findall(rf'class="c-{name}">(?:<[^>]+>)*([^<]*)', html) if text]


def test_a_row_says_what_a_stream_has_sent_for_how_long_and_where_it_waits(html, roster):
    roster.has(replace(ROW, events=9))
    text = html()
    assert '<a id="s-0123456789abcdef" href="/streams/0123456789abcdef/">GET orders/</a>' in text
    for cell in ("75 s", "2.5 s", "1,234 / 9 ev", "56.8 kB", ">producer<", "web-1:4711"):
        assert cell in text
    assert "shop/orders.py:3 query" in text


def test_counts_stand_above_it(html, roster):
    rows = [row(1, turn="consumer"), row(2, turn="upstream", idle=30.0), row(3, idle=29.9)]
    roster.has(*rows, workers=(WORKER, replace(WORKER, name="web-2:4712")))
    found = re.findall(r"<dt>([^<]+)</dt><dd>([\d,]+)</dd>", html())
    assert found == [
        ("open", "3"),
        ("no chunk for 30 s", "1"),
        ("wait for producer", "1"),
        ("wait for upstream", "1"),
        ("wait for consumer", "1"),
        ("workers", "2"),
    ]


def test_streams_are_counted_by_route_and_without_one_by_name(html, roster):
    roster.has(row(1), row(2, idle=40.0), row(3, route=None, name="orders.export"))
    routes = html().partition("By route")[2].partition("</table>")[0]
    assert re.findall(r'<a href="([^"]+)">([^<]+)</a>', routes) == [
        ("?route=orders%2F", "orders/"),
        ("?route=orders.export", "orders.export"),
    ]
    numbers = re.findall(r'number[ \w]*">([^<]+)</td>', routes)
    assert numbers == ["2", "1", "2.0 s", "113.6 kB", "1", "0", "3.0 s", "56.8 kB"]


def test_the_stalled_are_listed_the_longest_first(html, roster):
    roster.has(row(1, idle=31.0), row(2), *(row(number, idle=number) for number in range(40, 55)))
    stalled = html().partition("<h2>Stalled")[2].partition("</section>")[0]
    assert [int(one, 16) for one in re.findall(r'id="q-(\w+)"', stalled)] == [*range(54, 44, -1)]
    assert 'href="?idle=30.0&amp;sort=-idle">All 16' in stalled


def test_what_has_just_ended_has_its_outcome(html, roster):
    plain = replace(ENDED, id="0" * 16, cancelled_by=None, close_reason=None, bytes=None)
    failed = replace(plain, outcome="failed", error_type="ValueError")
    roster.has(ended=(ENDED, failed, replace(plain, outcome="completed")))
    ended = html().partition("Just ended")[2].partition("</table>")[0]
    outcomes = re.findall(r'outcome \w+">([^<]+)<', ended)
    assert outcomes == ["cancelled by server", "failed", "completed"]
    assert re.findall(r'why">([^<]+)<', ended) == ["too long", "ValueError"]
    assert "unknown" in ended


def test_where_nothing_is_open_it_says_so(html, roster):
    roster.has(workers=())
    text = html()
    assert "No stream is open." in text
    assert "No stream has ended yet." in text
    assert "No worker has had a stream yet." in text
    assert "No open stream is like that." in html("?q=nothing")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [4, 3, 2, 1]),
        ("?q=EXPORT", [4]),
        ("?q=0000000003", [3]),
        ("?q=web-9", [2]),
        ("?q=orders.py", [3, 2, 1]),
        ("?turn=consumer", [1]),
        ("?turn=someone", [4, 3, 2, 1]),
        ("?route=orders/", [3, 2, 1]),
        ("?worker=web-9:1", [2]),
        ("?age=3", [4, 3]),
        ("?idle=5", [2]),
        ("?age=2&idle=5&turn=producer", [2]),
        ("?age=nan&idle=inf&sort=password&page=-7", [4, 3, 2, 1]),
        ("?age=-1&idle=many&page=x", [4, 3, 2, 1]),
    ],
)
def test_rows_are_picked_by_get(html, roster, query, expected):
    roster.has(
        row(4, route="export/", name="GET export/", waits_at="", waits=()),
        row(3),
        row(2, worker="web-9:1", idle=5.0),
        row(1, turn="consumer"),
    )
    assert ids(html(query)) == expected


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("name", "GET a/", "GET b/"),
        ("age", 1.0, 2.0),
        ("idle", 0.0, 2.0),
        ("chunks", 1, 2),
        ("bytes", 0, 2),
        ("turn", "consumer", "producer"),
        ("waits_at", "", "shop/orders.py:3 query"),
        ("worker", "web-1:1", "web-2:1"),
    ],
)
def test_rows_are_sorted_by_get_either_way(html, roster, field, one, other):
    same = {"age": 5.0, "chunks": 1}
    roster.has(row(1, **{**same, field: one}), row(2, **{**same, field: other}))
    assert ids(html(f"?sort={field}")) == [1, 2]
    assert ids(html(f"?sort=-{field}")) == [2, 1]


def test_a_heading_sorts_numbers_downwards_first_and_then_upwards(html, roster):
    roster.has(row(1))
    assert 'id="by-idle" href="?sort=-idle"' in html()
    assert 'id="by-idle" href="?q=o&amp;sort=idle"' in html("?q=o&sort=-idle&page=3")
    assert 'id="by-name" href="?sort=name"' in html()
    assert 'id="by-name" href="?sort=-name"' in html("?sort=name")
    assert 'aria-sort="descending" class="c-idle"' in html("?sort=-idle")


def test_five_thousand_rows_are_cut_into_pages(html, roster):
    roster.has(*(row(number) for number in range(5000, 0, -1)))
    assert ids(html()) == [*range(5000, 4950, -1)]
    last = html("?page=100")
    assert ids(last) == [*range(50, 0, -1)]
    assert '<strong aria-current="page">100</strong>' in last
    assert 'href="?page=99">99</a>' in last
    assert "<span>…</span>" in last
    assert ids(html("?page=101")) == ids(last)
    assert "5,000" in last
    assert len(last) < 100_000


def test_links_to_pages_keep_what_was_asked(html, roster):
    roster.has(*(row(number) for number in range(120)))
    assert 'href="?q=orders&amp;sort=-idle&amp;page=2">2</a>' in html("?q=orders&sort=-idle")


def test_the_form_holds_what_was_asked(html, roster):
    text = html(
        "?q=%22a%22&turn=upstream&age=3&idle=4.5&route=orders/&worker=web-1:4711&sort=-idle"
    )
    for part in (
        'name="q" value="&quot;a&quot;"',
        "<option selected>upstream</option>",
        'step="any" value="3.0"',
        'step="any" value="4.5"',
        'name="route" value="orders/"',
        'name="worker" value="web-1:4711"',
        'name="sort" value="-idle"',
        "0 of 1 open",
    ):
        assert part in text


def test_markup_in_names_stays_text(html, roster):
    hostile = replace(
        ROW, name=MARKUP, route=MARKUP, worker=MARKUP, waits_at=MARKUP, waits=(MARKUP,)
    )
    ended = replace(ENDED, name=MARKUP, close_reason=MARKUP, outcome=MARKUP)
    roster.has(replace(hostile, idle=99.0), ended=(ended,), workers=(replace(WORKER, name=MARKUP),))
    text = html(f"?q={MARKUP.replace('&', '%26')}")
    assert "<script>" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;") > 8


@pytest.mark.parametrize("id_", ["../../admin", "0123456789ABCDEF", "", "0" * 17, "\n"])
def test_an_id_that_is_none_is_no_address(html, roster, id_):
    odd = replace(ROW, id=id_, idle=99.0)
    roster.has(odd, ended=(replace(ENDED, id=id_),))
    assert ids(html()) == []
    assert html().count("GET orders/") == 2


@pytest.mark.usefixtures("roster")
def test_the_script_gets_the_part_that_changes_alone(visitor, html):
    part = visitor.get("/streams/?part=&q=orders").content.decode()
    assert part.startswith('<div id="live" data-every="2">')
    assert "<form" not in part
    assert "?q=orders" in part
    assert "part=" not in part
    assert part.partition("<h2>Stalled")[0] in html("?q=orders")


def test_without_roster_it_names_the_line_to_write(html, roster):
    assert "ROSTER" not in html()
    roster.is_on = False
    roster.has(ROW)
    text = html()
    assert "<code>&quot;ROSTER&quot;: True</code>" in text.replace('"ROSTER"', "&quot;ROSTER&quot;")
    assert "no ended stream is remembered" in text


def test_it_says_what_it_could_not_read_and_what_is_left_out(html, roster):
    silent = replace(WORKER, name="web-3:1", age=7.0)
    roster.has(
        ROW, truncated=MappingProxyType({"web-1:4711": 2000}), unreadable=1, workers=(silent,)
    )
    text = html()
    assert "<dt>open</dt><dd>2,001</dd>" in text
    assert "2,000 streams are counted, and not in the table" in text
    assert "1 worker wrote what cannot be read" in text
    assert "wrote nothing for 7.0 s" in text
    roster.has(ROW, truncated=NOTHING)
    assert "cannot be read" not in html()


def test_it_says_why_it_cannot_see_other_processes(html, roster):
    roster.has(ROW, problem="The directory is <not> private.")
    assert "The directory is &lt;not&gt; private. What you see is the process" in html()


def test_what_a_process_said_of_its_end_is_shown(html, roster):
    roster.has(replace(ROW, draining=True, limited=True))
    assert html().count('class="tag"') == 2


@pytest.mark.usefixtures("roster")
def test_a_language_with_commas_changes_no_number(html):
    with override_settings(USE_THOUSAND_SEPARATOR=True), translation.override("de"):
        text = html("?age=1.5")
    assert 'value="1.5"' in text
    assert "1,234" in text
