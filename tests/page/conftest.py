"""What the tests of the page of open streams share."""

import pytest
from django.contrib.auth.signals import user_logged_in
from django.test import AsyncClient, Client, override_settings

import django_settings
import page_people
from page_roster import FakeRoster
from streaminstr import _configure
from streaminstr.testing import RecordingBackend


@pytest.fixture(autouse=True)
def recorded():
    """What the streams of the test have reported, on a site with people."""
    backend = RecordingBackend()
    setting = {"BACKEND": backend, "LOG_LEVELS": django_settings.SILENT}
    with override_settings(**page_people.SETTINGS, STREAMINSTR=setting):
        user_logged_in.disconnect(dispatch_uid="update_last_login")  # into a database
        yield backend


@pytest.fixture
def roster(monkeypatch):
    """What the page reads, as the test says."""
    fake = FakeRoster()
    monkeypatch.setattr(_configure, "roster", lambda: fake)
    return fake


def log_in(client, number):
    backend = "page_people.People"
    client.force_login(page_people.People().get_user(number), backend)
    return client


@pytest.fixture
def anonymous():
    return Client()


@pytest.fixture
def visitor():
    """A client of someone who may look."""
    return log_in(Client(), page_people.VISITOR)


@pytest.fixture
def operator():
    """A client of someone who may close streams, too."""
    return log_in(Client(), page_people.OPERATOR)


@pytest.fixture
def other():
    """A client of someone who has logged in and may do neither."""
    return log_in(Client(), page_people.OTHER)


@pytest.fixture
def strict_operator():
    """An operator whose CSRF tokens are checked."""
    return log_in(Client(enforce_csrf_checks=True), page_people.OPERATOR)


@pytest.fixture
def async_visitor():
    return log_in(AsyncClient(), page_people.VISITOR)
