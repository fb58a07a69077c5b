"""The views for probes: ready until a drain begins, live to the end."""

import pytest
from django.db import connection, connections
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path

import streaminstr
from django_by_hand import Asgi, Wsgi
from streaminstr import _configure, _stopping
from streaminstr._process.drain import Drain
from streaminstr.django import views

urlpatterns = [
    path("ready/", views.ready),
    path("live/", views.live),
]
PROBES = pytest.mark.parametrize("path", ["/ready/", "/live/"])


@pytest.fixture(autouse=True)
def _site():
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def draining(monkeypatch):
    monkeypatch.setattr(_stopping, "draining", True)


def answers(path, **environ):
    response = Wsgi(path, **environ)
    return response.status, response.read()


@PROBES
def test_before_a_drain_both_are_ok(path):
    assert answers(path) == ("200 OK", b"ok")


@pytest.mark.usefixtures("draining")
async def test_from_the_beginning_of_a_drain_on_it_is_alive_and_not_ready():
    assert answers("/ready/") == ("503 Service Unavailable", b"draining")
    assert answers("/live/") == ("200 OK", b"ok")
    assert (await Asgi("/ready/").run()).sent[0]["status"] == 503


def test_a_drain_that_the_application_begins_is_seen(monkeypatch):
    made = Drain()  # in the place of that of this process, which goes on
    made.grace, made.prepare = 5, lambda grace, flush: None
    monkeypatch.setattr(_configure, "drain_of_process", made)
    monkeypatch.setattr(_stopping, "draining", False)
    streaminstr.drain(5)
    assert answers("/ready/")[0] == "503 Service Unavailable"


@pytest.mark.usefixtures("draining")
def test_a_probe_that_fails_is_no_error_in_the_log(caplog):
    answers("/ready/")
    assert caplog.records == []


@PROBES
def test_they_take_get_and_head_alone(path):
    assert answers(path, REQUEST_METHOD="HEAD")[0] == "200 OK"
    assert answers(path, REQUEST_METHOD="POST")[0] == "405 Method Not Allowed"


@PROBES
def test_they_are_not_cached(path):
    assert "no-store" in dict(Wsgi(path).headers)["Cache-Control"]


@pytest.mark.parametrize("view", [views.ready, views.live])
def test_they_need_no_login_and_no_transaction(view):
    assert view.login_required is False
    assert view._non_atomic_requests == set(connections)


@PROBES
def test_they_need_no_database(path, monkeypatch):
    """With ATOMIC_REQUESTS Django would ask for a connection before the view."""
    asked = []
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setattr(connection, "ensure_connection", lambda: asked.append(True))
    assert answers(path) == ("200 OK", b"ok")
    assert asked == []


def test_they_are_plain_views():
    for view in (views.ready, views.live):
        response = view(RequestFactory().get("/"))
        assert isinstance(response, HttpResponse)
        assert not response.streaming
