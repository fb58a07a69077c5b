"""`shutdown` closes what is open as cancelled by the server, then flushes (more: tests/nets)."""

import pytest

from core_fakes import AsyncIterator, Iterator, by_hand
from streaminstr import Outcome, _configure, shutdown, stream


async def anext_of(made):
    return await anext(made)


def cause(recorded):
    return recorded.outcome, recorded.report.cancelled_by


def test_what_is_open_is_closed_as_cancelled_by_the_server(backend):
    body, async_body = Iterator(1, 2), AsyncIterator(1, 2)
    made, async_made = stream(body), stream(async_body)
    next(made)
    by_hand(anext_of(async_made))
    shutdown(0)
    assert [cause(one) for one in backend.streams] == [(Outcome.CANCELLED, "server")] * 2
    assert len(body.closed_in) == 1


def test_what_has_ended_or_was_never_stepped_is_left_alone(backend):
    done, fresh = stream([]), stream([1])
    list(done)
    shutdown(0)
    assert [one.events for one in backend.streams] == [["open", "start", "close"], ["open"]]
    assert list(fresh) == [1]
    assert backend.streams[1].outcome is Outcome.COMPLETED


def test_the_backends_are_flushed_after_the_closes(backend):
    flushed_with = []
    backend.flush = lambda timeout: flushed_with.append((timeout, len(backend.closed)))
    made = stream([1, 2])
    next(made)
    shutdown(5)
    ((timeout, closed),) = flushed_with
    assert 0 < timeout <= 5
    assert closed == 1


def test_a_backend_that_cannot_flush_need_not(errors):
    class Backend:
        def open(self, info):
            """Never called here."""

    with _configure.forced(_configure.Config(backends=(Backend(),))):
        shutdown(0)
    assert not errors


def test_a_clean_up_or_a_flush_that_raises_keeps_nothing_else_from_it(backend, errors):
    class Body(Iterator):
        def close(self):
            raise LookupError

    def flush(timeout):
        raise LookupError

    backend.flush = flush
    streams = [stream(Body(1, 2)) for _ in range(2)]
    for made in streams:
        next(made)
    shutdown(0)
    assert [cause(one) for one in backend.streams] == [(Outcome.CANCELLED, "server")] * 2
    assert sum(errors.values()) == 3


def test_streams_may_be_opened_again_after_it(backend):
    shutdown(0)
    assert list(stream([1])) == [1]
    with stream([1, 2]) as made:
        next(made)
    assert backend.streams[1].report.cancelled_by is None


@pytest.mark.parametrize("close_first", [True, False])
def test_a_close_before_it_keeps_its_own_cause(backend, close_first):
    with stream([1, 2]) as made:
        next(made)
        if close_first:
            made.close(cancelled_by="client")
        shutdown(0)
    assert backend.streams[0].report.cancelled_by == ("client" if close_first else "server")
