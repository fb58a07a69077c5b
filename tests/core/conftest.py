from collections import Counter

import pytest

from streaminstr import _config, _guard, _life
from streaminstr.testing import RecordingBackend


@pytest.fixture
def backend():
    """The backend in force. After each test, all that was started has been closed, and once."""
    recording = RecordingBackend()
    before = set(_life.open_lives())
    with _config.forced(_config.Config(backends=(recording,))):
        yield recording
    assert [stream.events for stream in recording.started] == [
        ["open", "start", "close"] for _ in recording.started
    ]
    assert set(_life.open_lives()) <= before


@pytest.fixture
def errors(monkeypatch):
    """The counter of swallowed errors, empty."""
    counter = Counter()
    monkeypatch.setattr(_guard, "errors", counter)
    return counter
