"""A greenlet that is killed, or that times out, in a backend's call or a body's clean-up ends."""

import gc

import pytest

from core_fakes import AsyncIterator, Iterator
from differential.backends import in_force
from injected import close, let_go, step, wrong_scopes
from interrupted import MOMENTS, Hit, async_cleaning, cleaning, closed_as_started, use
from streaminstr import stream
from streaminstr.testing import RecordingBackend

gevent = pytest.importorskip("gevent")
gevent_event = pytest.importorskip("gevent.event")


# Greenlets.


def killed(function, entered, error):
    """Run `function` in a greenlet, raise `error` there when `entered`, and return how it ended."""
    went_on = []

    def run():
        function()
        went_on.append(True)

    greenlet = gevent.spawn(run)
    assert entered.wait(30)
    greenlet.kill(error, timeout=30)
    assert greenlet.dead
    assert went_on == []
    return greenlet.exception or greenlet.value


def waiting(entered):
    """Wait, as what writes to a socket does, until one is killed."""

    def act():
        entered.set()
        gevent.sleep(30)

    return act


@pytest.fixture(params=[gevent.Timeout, gevent.GreenletExit])
def error(request):
    return request.param()


@pytest.mark.parametrize("order", [1, -1], ids=["first", "last"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("body_of", [Iterator, AsyncIterator])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_greenlet_in_a_call_of_a_backend_ends(error, moment, body_of, order):
    entered = gevent_event.Event()
    hit, recording, streams = Hit(moment, waiting(entered)), RecordingBackend(), []
    with in_force(*[hit, recording][::order]):
        assert killed(lambda: use(body_of, streams), entered, error) is error
        let_go(streams)
    assert closed_as_started(recording)
    assert wrong_scopes(hit) == []


@pytest.mark.parametrize("body_of", [cleaning, async_cleaning])
def test_a_killed_greenlet_in_a_clean_up_ends_and_the_scope_is_closed(error, body_of):
    entered = gevent_event.Event()
    recording = RecordingBackend()

    def run():
        made = stream(body_of(waiting(entered)))
        step(made)
        close(made)

    with in_force(recording):
        assert killed(run, entered, error) is error
        gc.collect()
    assert [one.events for one in recording.streams] == [["open", "start", "close"]]
