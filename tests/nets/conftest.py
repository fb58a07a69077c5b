"""What the tests of both nets share."""

import pytest

import server_site  # noqa: F401 - sets up Django, where nobody has yet
from streaminstr import _configure
from streaminstr import _exchange as exchange
from streaminstr.testing import RecordingBackend
from undrained import undrained  # noqa: F401 - used by each test


@pytest.fixture
def recorded():
    """All streams of the test, on a backend that only records."""
    backend = RecordingBackend()
    silent = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
    with _configure.forced(_configure.build(backend, log_levels=silent)):
        yield backend


@pytest.fixture
def off():
    """Everything turned off."""
    with _configure.forced(_configure.build(None)) as config:
        yield config


@pytest.fixture
def stopping(monkeypatch):
    """A process that has been told to stop."""
    monkeypatch.setattr(exchange, "shutting_down", True)
