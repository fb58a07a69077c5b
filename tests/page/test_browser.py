"""The page in a real browser: its script, its policy, its colours, its width, its button."""

from dataclasses import replace

import pytest

from page_browser import CONTRAST, Visit, browser
from page_roster import ENDED, ID, ROW, WORKER, row
from streaminstr._process.rows import Sample
from streaminstr.demo.servers import HOST, wsgi_server

TABLE, STREAM = "/streams/", f"/streams/{ID}/"
LONG = "GET " + "a_very_long_part_of_a_route/" * 8
HOST_WITH_A_LONG_NAME = "a-host-with-a-long-name." * 4 + ":4711"
PAGES = pytest.mark.parametrize("address", [TABLE, STREAM, f"/streams/{'f' * 16}/"])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chrome():
    with browser() as started:
        yield started


@pytest.fixture
def visit(chrome, operator, roster):
    """A browser in which an operator has logged in, at a site with some streams."""
    roster.has(
        replace(ROW, waits_at="a/very/long/path/" * 9 + "orders.py:3 query"),
        *(row(number, turn="consumer") for number in range(1, 120)),
        row(300, name=LONG, route=LONG, idle=45.0, draining=True, limited=True),
        row(301, turn="upstream", idle=50.0),
        ended=(ENDED, replace(ENDED, name=LONG, outcome="failed", close_reason="x" * 200)),
        workers=(replace(WORKER, name=HOST_WITH_A_LONG_NAME, age=9.0, paused=True),),
        unreadable=2,
    )
    roster.samples = (Sample(age=25.0, chunks=9, bytes=9, idle=9.0),)
    with wsgi_server(waits=False) as port:
        made = Visit(chrome, f"http://{HOST}:{port}")
        made.log_in(operator.cookies)
        yield made
        chrome.get("about:blank")  # asks for nothing more


@PAGES
def test_the_browser_has_nothing_to_complain_of(visit, address):
    visit.open(address)
    visit.until(lambda: visit.find("#pause").is_displayed())
    unknown = "404 (Not Found)"  # what the console says of such a page
    assert [one for one in visit.complaints() if unknown not in one] == []


def test_what_the_policy_forbids_would_be_noticed(visit):
    visit.open(TABLE)
    visit.js("const one = document.createElement('style'); document.head.append(one);")
    assert any("style-src" in one for one in visit.complaints())
    with pytest.raises(Exception, match="TrustedHTML"):
        visit.js("document.body.innerHTML = 'one'")


def test_it_refreshes_by_itself_and_keeps_what_the_visitor_has(visit, roster):
    visit.open(STREAM)
    visit.js("window.isTheSame = true")
    visit.find("#numbers summary").click()
    visit.find("[name=reason]").send_keys("too long")
    roster.has(replace(ROW, chunks=777_777))
    visit.until(lambda: "777,777" in visit.text("#live"))
    assert visit.js("return window.isTheSame")
    assert visit.js("return document.getElementById('numbers').open")
    assert visit.find("[name=reason]").get_attribute("value") == "too long"
    assert visit.js("return document.activeElement.name") == "reason"


def test_the_keyboard_stays_on_the_link_it_was_on(visit, roster):
    visit.open(TABLE + "?sort=-idle")
    visit.js("document.getElementById('by-idle').focus()")
    roster.has(replace(ROW, chunks=777_777))
    visit.until(lambda: "777,777" in visit.text("#live"))
    assert visit.js("return document.activeElement.id") == "by-idle"


def test_pause_and_go_on(visit, roster):
    visit.open(TABLE)
    visit.find("#pause").click()
    assert visit.text("#pause") == "Go on"
    roster.has(replace(ROW, chunks=777_777))
    visit.find("#pause").click()
    visit.until(lambda: "777,777" in visit.text("#live"))


def test_where_the_login_is_over_it_says_so_and_keeps_what_it_has(visit):
    visit.open(TABLE)
    visit.log_out()
    visit.until(lambda: "Cannot refresh" in visit.text("#state"))
    assert "GET orders/" in visit.text("#live")


def test_a_stream_that_ends_says_so_in_its_page(visit, roster):
    visit.open(STREAM)
    roster.has(ended=(replace(ENDED, id=ID),))
    visit.until(lambda: "cancelled by server" in visit.text("#live"))
    roster.has()
    visit.until(lambda: "No open stream has the id" in visit.text("#live"))


def test_the_button_closes_the_stream(visit, roster):
    visit.open(STREAM)
    visit.find("[name=reason]").send_keys("too long")
    visit.find("button.danger").click()
    visit.until(lambda: visit.text("h1") == "Closed")
    assert roster.asked == [(ID, "too long")]


@pytest.mark.parametrize(
    ("scheme", "width", "script"),
    [("light", 1280, False), ("light", 390, True), ("dark", 1280, True), ("dark", 390, True)],
)
def test_the_buttons_pause_and_resume_all_workers(visit, roster, scheme, script, width):
    roster.answers = dict.fromkeys((HOST_WITH_A_LONG_NAME, "web-2:7"), "paused")
    visit.open(TABLE, scheme=scheme, script=script, width=width)
    visit.find("#pausing button").click()
    visit.until(lambda: visit.text("h1") == "Paused")
    if script:  # without one, the tests have none, either
        assert visit.js(CONTRAST) == {}
        assert visit.js("return document.documentElement.scrollWidth") <= width
    roster.answers = {"web-2:7": "resumed"}
    visit.open(TABLE, scheme=scheme, script=script, width=width)
    visit.find("#pausing [formaction]").click()
    visit.until(lambda: visit.text("h1") == "Resumed in 1 of 2 workers")
    assert visit.text("#answers").split("\n")[-1] == HOST_WITH_A_LONG_NAME
    assert roster.asked == ["pause", "resume"]


def test_it_works_without_the_script(visit):
    visit.open(TABLE, script=False)
    assert visit.find("noscript a").is_displayed()
    assert not visit.find("#pause").is_displayed()
    visit.find("[name=idle]").send_keys("49")
    visit.find("#filter button").click()
    visit.until(lambda: "idle=49" in visit.chrome.current_url)
    assert "1 of 122 open" in visit.text("h2")


@SCHEMES
@PAGES
def test_its_texts_can_be_read_in_both_colour_schemes(visit, address, scheme):
    visit.open(address, scheme=scheme)
    background = visit.js("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 23, 29)") is (scheme == "dark")
    assert visit.js(CONTRAST) == {}


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
@PAGES
def test_nothing_scrolls_sideways(visit, address, width):
    visit.open(address, width=width)
    assert visit.js("return document.documentElement.scrollWidth") <= width
