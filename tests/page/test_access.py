"""Who may see the page, who may close a stream, and what browsers may do with the answer."""

from importlib import reload

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import override_settings
from django.urls import resolve

import page_people
from page_roster import ID
from streaminstr.django.page import rendering

TABLE, STREAM, CLOSE = "/streams/", f"/streams/{ID}/", f"/streams/{ID}/close/"
PAUSE, RESUME = "/streams/pause/", "/streams/resume/"
CHANGES = pytest.mark.parametrize("address", [CLOSE, PAUSE, RESUME])
LISTED = pytest.mark.parametrize("listed", ["with the site's own middleware", "without it"])
PAGES = pytest.mark.parametrize("address", [TABLE, STREAM])
FILES = pytest.mark.parametrize(
    ("address", "kind"), [("page.css", "text/css"), ("page.js", "text/javascript")]
)
pytestmark = pytest.mark.usefixtures("roster")


def without(middleware):
    return [path for path in page_people.SETTINGS["MIDDLEWARE"] if middleware not in path]


@PAGES
def test_an_anonymous_visitor_is_sent_to_the_login_and_back(anonymous, address):
    answer = anonymous.get(address + "?part")
    assert (answer.status_code, answer["Location"][:12]) == (302, "/login/?next")
    assert answer["Location"].endswith(f"{address}%3Fpart")


@CHANGES
def test_an_anonymous_request_to_change_something_asks_nothing_of_anyone(
    anonymous, roster, address
):
    assert anonymous.post(address)["Location"].startswith("/login/")
    assert roster.asked == []


@PAGES
def test_who_has_no_permission_is_answered_403(other, address):
    assert other.get(address).status_code == 403


@PAGES
def test_who_may_view_sees_it_and_has_no_button(visitor, address):
    answer = visitor.get(address)
    assert answer.status_code == 200
    assert b"<form method=post" not in answer.content.replace(b'"', b"")


@CHANGES
@pytest.mark.parametrize("who", ["visitor", "other"])
def test_who_may_not_close_is_answered_403(request, who, roster, address):
    assert request.getfixturevalue(who).post(address).status_code == 403
    assert roster.asked == []


@CHANGES
def test_what_changes_something_takes_post_alone(operator, roster, address):
    assert operator.get(address).status_code == 405
    assert roster.asked == []


@PAGES
def test_pages_take_get_and_head_alone(operator, address):
    assert operator.head(address).status_code == 200
    assert operator.post(address).status_code == 405


@CHANGES
@LISTED
def test_a_forged_token_changes_nothing(strict_operator, roster, listed, address):
    middleware = without("csrf" if listed == "without it" else "nothing")
    strict_operator.cookies["csrftoken"] = "a" * 32
    with override_settings(MIDDLEWARE=middleware):
        assert strict_operator.post(address).status_code == 403
        forged = {"csrfmiddlewaretoken": "b" * 32}
        assert strict_operator.post(address, forged).status_code == 403
    assert roster.asked == []


@LISTED
@pytest.mark.parametrize(
    ("page", "address", "asked"),
    [(STREAM, CLOSE, (ID, "too long")), (TABLE, PAUSE, "pause"), (TABLE, RESUME, "resume")],
)
def test_the_token_of_the_page_is_taken(strict_operator, roster, listed, page, address, asked):
    roster.answers = {"web-1:4711": f"{asked}d"}
    with override_settings(MIDDLEWARE=without("csrf" if listed == "without it" else "nothing")):
        html = strict_operator.get(page).content.decode()
        token = html.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        given = {"csrfmiddlewaretoken": token, "reason": "too long"}
        answer = strict_operator.post(address, given)
    assert answer.status_code == 200
    assert roster.asked == [asked]


@PAGES
def test_a_page_is_not_cached_not_framed_and_has_a_strict_policy(visitor, address):
    headers = visitor.get(address).headers
    assert "no-store" in headers["Cache-Control"]
    assert "private" in headers["Cache-Control"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"] == rendering.POLICY
    assert "unsafe" not in rendering.POLICY


@PAGES
def test_a_page_has_no_script_and_no_style_of_its_own(operator, address):
    html = operator.get(address).content.decode()
    assert html.count("<script") == html.count('<script src="/streams/page.js?v=') == 1
    assert "<style" not in html
    assert " style=" not in html
    assert " on" not in html.partition("<body>")[2].partition("</form>")[0].replace(" one", "")


@FILES
def test_its_files_need_no_login_and_may_be_cached(anonymous, address, kind):
    answer = anonymous.get(f"/streams/{address}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "public" in answer["Cache-Control"]
    assert anonymous.post(f"/streams/{address}").status_code == 405


@pytest.mark.parametrize("address", [TABLE, STREAM, CLOSE, PAUSE, RESUME, "/streams/page.css"])
def test_no_view_holds_a_transaction(address):
    assert resolve(address).func._non_atomic_requests == set(connections)


def test_where_each_view_needs_a_login_the_files_do_not(anonymous):
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    with override_settings(MIDDLEWARE=[*page_people.SETTINGS["MIDDLEWARE"], login]):
        assert anonymous.get("/streams/page.css").status_code == 200
        assert anonymous.get(TABLE).status_code == 302


def test_without_the_middleware_that_knows_the_user_it_says_what_to_list(visitor):
    listed = override_settings(MIDDLEWARE=without("auth"))
    with listed, pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"):
        visitor.get(TABLE)


def test_without_auth_its_addresses_say_what_to_install():
    from streaminstr.django import urls  # noqa: PLC0415 - where auth is installed

    installed = override_settings(INSTALLED_APPS=["streaminstr.django"])
    with installed, pytest.raises(ImproperlyConfigured, match=r"'django\.contrib\.auth'"):
        reload(urls)
