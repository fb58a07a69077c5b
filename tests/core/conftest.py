from collections import Counter

import pytest

from streaminstr import _configure
from streaminstr._asgiref import place
from streaminstr._calls import guard
from streaminstr._core import life
from streaminstr.testing import RecordingBackend
from undrained import undrained  # noqa: F401 - used by each test


@pytest.fixture
def backend():
    """The backend in force. After each test, all that was started has been closed, and once."""
    recording = RecordingBackend()
    before = set(life.open_lives())
    with _configure.forced(_configure.Config(backends=(recording,), place=place)):
        yield recording
    assert [stream.events for stream in recording.started] == [
        ["open", "start", "close"] for _ in recording.started
    ]
    assert set(life.open_lives()) <= before


@pytest.fixture
def errors(monkeypatch):
    """The counter of swallowed errors, empty."""
    counter = Counter()
    monkeypatch.setattr(guard, "errors", counter)
    return counter
