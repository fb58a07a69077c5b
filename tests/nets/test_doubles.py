"""An error tracker that has reported an exception knows it again outside of our Contexts.

It remembers the exception in a context variable, as Sentry does: its middleware reports what it
sees, the server logs the same exception, and the tracker listens to logs, too.
"""

import weakref
from contextvars import ContextVar

import pytest

import streaminstr
from server_by_hand import ByHand, call
from streaminstr import asgi, wsgi

START = {"type": "http.response.start", "status": 200, "headers": []}
CHUNK = {"type": "http.response.body", "body": b"1", "more_body": True}


class BrokenError(Exception):
    """Can be referred to weakly, as built-in exceptions cannot."""


class Tracker:
    """Reports each exception once, if it can see what it has reported last."""

    def __init__(self):
        self.reported = []
        self._last = ContextVar("last", default=None)

    def see(self, error):
        last = self._last.get()
        if (last() if isinstance(last, weakref.ref) else last) is error:
            return
        self.reported.append(error)
        try:
            self._last.set(weakref.ref(error))
        except TypeError:
            self._last.set(error)


@pytest.fixture
def tracker():
    return Tracker()


@pytest.fixture(params=[BrokenError, KeyError])
def error(request):
    return request.param()


def rows(error):
    yield b"1"
    raise error


async def async_rows(error):
    yield b"1"
    raise error


async def test_under_asgi(recorded, tracker, error):
    async def app(scope, receive, send):
        await send(START)
        await send(CHUNK)
        tracker.see(error)
        raise error

    with pytest.raises(type(error)) as raised:
        await ByHand().call(asgi.StreamScopeMiddleware(app))
    tracker.see(raised.value)
    assert tracker.reported == [error]


def test_under_wsgi_in_the_call(recorded, tracker, error):
    def app(environ, start_response):
        tracker.see(error)
        raise error

    with pytest.raises(type(error)) as raised:
        call(wsgi.StreamScopeMiddleware(app))
    tracker.see(raised.value)
    assert tracker.reported == [error]


class Seen:
    """A result whose errors a middleware has reported."""

    def __init__(self, tracker, steps, *, streaming, closes_with=None):
        self._tracker, self._steps, self._error = tracker, steps, closes_with
        self.streaming = streaming

    def __iter__(self):
        try:
            yield from self._steps
        except Exception as error:
            self._tracker.see(error)
            raise

    def close(self):
        if self._error is not None:
            self._tracker.see(self._error)
            raise self._error


@pytest.mark.parametrize("streaming", [True, False])
def test_under_wsgi_in_a_step(recorded, tracker, error, streaming):
    result = Seen(tracker, rows(error), streaming=streaming)
    with pytest.raises(type(error)) as raised:
        list(call(wsgi.StreamScopeMiddleware(lambda environ, start: result)))
    tracker.see(raised.value)
    assert tracker.reported == [error]


@pytest.mark.parametrize("streaming", [True, False])
def test_under_wsgi_in_the_close(recorded, tracker, error, streaming):
    result = Seen(tracker, [b"1"], streaming=streaming, closes_with=error)
    answer = call(wsgi.StreamScopeMiddleware(lambda environ, start: result))
    with pytest.raises(type(error)) as raised:
        answer.close()
    tracker.see(raised.value)
    assert tracker.reported == [error]


def test_what_a_body_reports_itself(recorded, tracker, error):
    def body():
        try:
            yield from rows(error)
        except Exception as seen:
            tracker.see(seen)
            raise

    with pytest.raises(type(error)) as raised:
        list(streaminstr.stream(body()))
    tracker.see(raised.value)
    assert tracker.reported == [error]


async def test_what_an_async_body_reports_itself(recorded, tracker, error):
    async def body():
        try:
            async for row in async_rows(error):
                yield row
        except Exception as seen:
            tracker.see(seen)
            raise

    with pytest.raises(type(error)) as raised:
        [row async for row in streaminstr.stream(body())]
    tracker.see(raised.value)
    assert tracker.reported == [error]


def test_another_exception_is_reported(recorded, tracker, error):
    with pytest.raises(BrokenError):
        list(streaminstr.stream(rows(BrokenError())))
    tracker.see(error)
    assert tracker.reported == [error]
