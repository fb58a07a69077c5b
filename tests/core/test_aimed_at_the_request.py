"""What was aimed at the request gets through a backend's call and a body's clean-up.

A handler of signals that raises does so where the process happens to be. All other scopes are
closed, as they would be without it. `test_killed_greenlets` has the same for gevent.
"""

import os
import signal

import pytest

import streaminstr
from core_fakes import AsyncIterator, Iterator
from differential.backends import in_force
from injected import close, let_go, step, wrong_scopes
from interrupted import MOMENTS, Hit, async_cleaning, cleaning, closed_as_started, use
from streaminstr import stream
from streaminstr.testing import RecordingBackend

ORDERS = pytest.mark.parametrize("order", [1, -1], ids=["first", "last"])


@pytest.fixture(params=[SystemExit, KeyboardInterrupt])
def exits(request):
    """What sends this process a signal whose handler raises, as a server's does; and the type."""

    def handle(number, frame):
        raise request.param

    before = signal.signal(signal.SIGUSR1, handle)
    yield lambda: signal.raise_signal(signal.SIGUSR1), request.param
    signal.signal(signal.SIGUSR1, before)


@ORDERS
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("body_of", [Iterator, AsyncIterator])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_during_a_call_of_a_backend_gets_through(exits, moment, body_of, order):
    act, error = exits
    hit, recording, streams = Hit(moment, act), RecordingBackend(), []
    with in_force(*[hit, recording][::order]):
        with pytest.raises(error):
            use(body_of, streams)
        let_go(streams)
    assert closed_as_started(recording)
    assert [one.events.count("close") for one in recording.started] == [1] * len(recording.started)
    assert wrong_scopes(hit) == []


@pytest.mark.parametrize("body_of", [cleaning, async_cleaning])
def test_a_signal_during_a_clean_up_gets_through_and_the_scope_is_closed(exits, body_of):
    act, error = exits
    recording = RecordingBackend()
    with in_force(recording):
        made = stream(body_of(act))
        step(made)
        with pytest.raises(error):
            close(made)
    assert [one.events for one in recording.streams] == [["open", "start", "close"]]


@pytest.mark.skipif("PYTEST_XDIST_WORKER" in os.environ, reason="the worker has the signal")
def test_a_signal_during_a_shutdown_gets_through_and_all_scopes_are_closed(exits):
    """Gunicorn's abort arrives while a rollback hangs: the worker exits, and nothing is lost."""
    act, error = exits
    recording = RecordingBackend()
    with in_force(recording):
        streams = [stream(body) for body in (cleaning(lambda: None), cleaning(act), iter([1]))]
        for made in streams:
            step(made)
        with pytest.raises(error):
            streaminstr.shutdown(0.1)
    assert [one.is_closed for one in recording.streams] == [True] * 3


# What a backend raises by itself.


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_backend_raises_by_itself_goes_no_further(moment):
    def fail():
        raise LookupError

    hit, recording = Hit(moment, fail), RecordingBackend()
    with in_force(hit, recording):
        assert list(stream([1])) == [1]
    assert [one.events for one in recording.streams] == [["open", "start", "close"]]
