"""What the tests of Starlette's adapter share."""

from collections import Counter

import pytest

from streaminstr import _configure
from streaminstr._calls import guard
from streaminstr._core import life
from streaminstr.testing import RecordingBackend
from undrained import undrained  # noqa: F401 - used by each test

SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


@pytest.fixture(autouse=True)
def options():
    """Further options of the configuration, which a module may set."""
    return {}


@pytest.fixture(autouse=True)
def backend(options):
    """The backend in force. After each test, all that was started has been closed, and once."""
    recording = RecordingBackend()
    before = set(life.open_lives())
    with _configure.forced(_configure.build(recording, log_levels=SILENT, **options)):
        yield recording
    assert [stream.events for stream in recording.started] == [
        ["open", "start", "close"] for _ in recording.started
    ]
    assert set(life.open_lives()) <= before


@pytest.fixture(autouse=True)
def errors(monkeypatch):
    """The counter of swallowed errors, empty, before and after."""
    counter = Counter()
    monkeypatch.setattr(guard, "errors", counter)
    yield counter
    assert not counter
