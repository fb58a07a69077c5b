"""What the tests of the Django adapter share."""

from collections import Counter
from inspect import signature

import pytest
from django.core.signals import request_finished
from django.test import override_settings

import django_settings
import django_site
from streaminstr._calls import guard
from streaminstr._core import life
from streaminstr.testing import RecordingBackend
from undrained import undrained  # noqa: F401 - used by each test


@pytest.fixture(autouse=True)
def backend():
    """The site, its backend in force. After each test: what was started was closed, once."""
    recording = RecordingBackend()
    wanted = {"BACKEND": recording, "LOG_LEVELS": django_settings.SILENT}
    before = set(life.open_lives())
    with override_settings(**django_settings.SITE, STREAMINSTR=wanted):
        yield recording
    assert [stream.events for stream in recording.started] == [
        ["open", "start", "close"] for _ in recording.started
    ]
    assert set(life.open_lives()) <= before


@pytest.fixture(autouse=True)
def errors(monkeypatch):
    """The counter of swallowed errors, empty."""
    counter = Counter()
    monkeypatch.setattr(guard, "errors", counter)
    return counter


@pytest.fixture
def answer(monkeypatch):
    """Say what the views give: a function of the request, or of nothing."""

    def say(make):
        by_request = bool(signature(make).parameters)
        give = make if by_request else lambda request: make()
        monkeypatch.setattr(django_site.Answer, "make", staticmethod(give))

    return say


@pytest.fixture
def finished():
    """How often `request_finished` was sent."""
    times = []

    def note(**kwargs):
        times.append(kwargs["sender"])

    request_finished.connect(note)
    yield times
    request_finished.disconnect(note)


@pytest.fixture
def outer(monkeypatch):
    """List middleware outside of ours that changes the response."""

    def say(change):
        monkeypatch.setattr(django_site.Outer, "change", staticmethod(change))
        return override_settings(MIDDLEWARE=["django_site.Outer", django_settings.MIDDLEWARE])

    return say
