"""Pause and resume: what the page says of it, and what came of a request to all workers."""

from dataclasses import replace

import pytest
from django.test import override_settings

import streaminstr
from page_roster import ROW, WORKER
from streaminstr import _configure
from streaminstr._process.rows import name_here
from streaminstr.testing import RecordingBackend

TABLE, PAUSE, RESUME = "/streams/", "/streams/pause/", "/streams/resume/"
OTHER = replace(WORKER, name="web-2:4712", paused=True)
NONE = override_settings(STREAMINSTR={"BACKEND": None})


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is paused."""
    monkeypatch.setattr(_configure._state, "paused", None)


def shown(client, address=TABLE):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def asked(client, address):
    answer = client.post(address)
    return answer.status_code, answer.content.decode()


# The page


@pytest.mark.usefixtures("roster")
def test_who_may_close_has_both_buttons_also_without_the_script(operator):
    text = shown(operator)
    form = text.partition('action="/streams/pause/"')[2].partition("</form>")[0]
    assert "<button>Pause telemetry</button>" in form
    assert '<button formaction="/streams/resume/">Resume telemetry</button>' in form


@pytest.mark.usefixtures("roster")
def test_who_may_only_look_has_none(visitor):
    assert 'id="pausing"' not in shown(visitor)


def test_it_says_which_workers_are_paused_and_which_are_not(visitor, roster):
    roster.has(ROW, workers=(WORKER, OTHER))
    text = shown(visitor)
    assert "<strong>Paused</strong> in 1 of 3 workers" in text
    assert f"Not paused: {', '.join(sorted([name_here(), WORKER.name]))}." in text
    assert text.count('<span class="tag">paused</span>') == 1


def test_this_process_is_among_them_also_before_its_first_stream(visitor, roster):
    roster.has(workers=())
    assert "Paused" not in shown(visitor)
    streaminstr.pause()
    text = shown(visitor)
    assert "in 1 of 1 worker:" in text
    assert "Not paused" not in text


@pytest.mark.usefixtures("roster")
def test_what_begins_so_by_the_settings_says_so(visitor):
    with override_settings(STREAMINSTR={"BACKEND": RecordingBackend(), "PAUSED": True}):
        assert "By the setting <code>PAUSED</code> each worker begins so." in shown(visitor)
    assert "each worker begins so" not in shown(visitor)


def test_without_a_roster_it_says_that_it_reaches_this_process_only(operator, roster):
    assert "this process only" not in shown(operator)
    roster.is_on = False
    assert "<strong>this process only</strong>" in shown(operator)


@NONE
@pytest.mark.usefixtures("roster")
def test_without_a_backend_there_is_no_button_but_a_reason(operator, visitor):
    text = shown(operator)
    assert "There is nothing to pause or resume: the <code>BACKEND</code>" in text
    assert "<button formaction" not in text
    assert "There is nothing to pause" not in shown(visitor)


# What came of it


def test_where_all_have_answered_it_is_done(operator, roster):
    roster.has(ROW, workers=(WORKER, OTHER))
    roster.answers = {WORKER.name: "paused", OTHER.name: "paused"}
    status, text = asked(operator, PAUSE)
    assert (status, "<h1>Paused</h1>" in text) == (200, True)
    assert f"<dd>{WORKER.name}, {OTHER.name}</dd>" in text
    assert "No answer yet" not in text
    assert "have no span" in text


def test_those_that_have_not_heard_yet_are_named(operator, roster):
    roster.has(ROW, workers=(WORKER, OTHER))
    roster.answers = {WORKER.name: "resumed"}
    status, text = asked(operator, RESUME)
    assert (status, "<h1>Resumed in 1 of 2 workers</h1>" in text) == (202, True)
    assert f"<dt>No answer yet</dt><dd>{OTHER.name}</dd>" in text
    assert "have their spans, metrics and log events again" in text


def test_one_that_cannot_says_why_and_its_text_stays_text(operator, roster):
    roster.has(ROW, workers=(WORKER, OTHER))
    roster.answers = {WORKER.name: "resumed", OTHER.name: "<b>no"}
    status, text = asked(operator, RESUME)
    assert (status, f"<dd>{OTHER.name}: &lt;b&gt;no</dd>" in text) == (202, True)


@NONE
@pytest.mark.parametrize("is_on", [True, False])
def test_without_a_backend_resume_is_answered_with_the_reason(operator, roster, is_on):
    roster.is_on, roster.answers = is_on, _configure._ALONE.send("resume")
    roster.has(workers=())
    status, text = asked(operator, RESUME)
    assert (status, "<h1>Not resumed</h1>" in text) == (409, True)
    assert "The backend is None, so there is nothing to resume." in text


def test_without_a_roster_it_is_this_process(operator, recorded):
    status, text = asked(operator, PAUSE)
    assert (status, "This is <strong>one process</strong>" in text) == (200, True)
    assert name_here() in text
    list(streaminstr.stream([b"a"]))
    assert asked(operator, RESUME)[0] == 200
    list(streaminstr.stream([b"a"], name="after"))
    assert [one.name for one in recorded.closed] == ["after"]
