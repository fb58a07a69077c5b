"""Every kind of body is cleaned up, each part once, inside of the stream, inner first.

Compared with what plain Django closes: docs/explanation/cleanup.md has the table.
"""

import asyncio
import gc
import inspect
import logging

import pytest
from django.http import StreamingHttpResponse
from django.test import override_settings

import streaminstr
from closing_bodies import Log, kinds
from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from django_site import Answer

pytestmark = [
    # Of plain Django: it calls an `async def close` and drops the coroutine.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
]
SYNC = list(kinds(is_async=False))
ASYNC = list(kinds(is_async=True))
OURS, PLAIN = [MIDDLEWARE], []


def wsgi(make, ending):
    """One request under WSGI."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Answer, "make", staticmethod(make))
        request = Wsgi()
        chunks = iter(request.body)
        next(chunks)
        if ending == "read":
            list(chunks)
        request.close()


def asgi(make, ending):
    """One request under ASGI, and what it leaves to the loop."""

    async def run():
        request = Asgi()

        async def block():
            request.left.set()
            await asyncio.Event().wait()

        if ending == "left":
            request.sending = lambda message: request.left.set() if message.get("body") else None
        elif ending == "left in send":
            request.sending = lambda message: block() if message.get("body") else None
        await request.run()
        if ending != "read":
            gc.collect(1)
        for _ in range(20):
            await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Answer, "make", staticmethod(make))
        asyncio.run(run())


def closed(serve, kind, ending, middleware, *, own=False):
    """What was closed of a body of this kind, in order; and what of it outside of a stream."""
    log = Log()

    def make(request):
        body = kind.make(log, hold=ending == "left")
        return StreamingHttpResponse(streaminstr.stream(body) if own else body)

    with override_settings(MIDDLEWARE=middleware):
        serve(make, ending)
    return log


def inner_first(parts):
    return sorted(parts, key=lambda part: part.startswith("body"))


def awaited_besides(kind):
    """What an async body is owed beyond what Django closes, and what Django can reach of it."""
    yield from ["iterator.aclose"] if kind.iterator in ("aclose", "both") else []
    yield from ["body.aclose"] if (kind.way, kind.body) == ("iterator", "aclose") else []
    yield from ["body.close"] if kind.body == "async close" else []


def check(log, expected):
    assert log.closed == inner_first(expected)
    assert log.outside == []


@pytest.mark.parametrize("ending", ["read", "left"])
@pytest.mark.parametrize("kind", SYNC, ids=str)
def test_a_sync_body_under_wsgi_is_cleaned_up_as_in_plain(kind, ending, backend):
    plain = closed(wsgi, kind, ending, PLAIN)
    check(closed(wsgi, kind, ending, OURS), plain.closed)
    assert [stream.outcome for stream in backend.closed] == [
        "completed" if ending == "read" else "cancelled"
    ]


@pytest.mark.parametrize("ending", ["read", "left", "left in send"])
@pytest.mark.parametrize("kind", ASYNC, ids=str)
def test_an_async_body_under_asgi_is_cleaned_up_as_in_plain_and_what_is_awaited_too(
    kind, ending, backend
):
    plain = closed(asgi, kind, ending, PLAIN)
    check(closed(asgi, kind, ending, OURS), [*awaited_besides(kind), *plain.closed])
    assert [stream.outcome for stream in backend.closed] == [
        "completed" if ending == "read" else "cancelled"
    ]


@pytest.mark.parametrize("kind", SYNC, ids=str)
def test_a_sync_body_under_asgi_is_cleaned_up_as_in_plain(kind, backend):
    plain = closed(asgi, kind, "read", PLAIN)
    check(closed(asgi, kind, "read", OURS), plain.closed)


@pytest.mark.parametrize("kind", ASYNC, ids=str)
def test_an_async_body_under_wsgi_is_cleaned_up_as_in_plain(kind, backend):
    """What would have to be awaited is left: the loop that Django made for it is gone by then."""
    plain = closed(wsgi, kind, "read", PLAIN)
    check(closed(wsgi, kind, "read", OURS), plain.closed)


def owed_to_its_own(kind):
    """What a stream is owed that the view has made: it knows the body, which Django forgets."""
    yield from ["generator"] if kind.way == "generator" else []
    yield from ["iterator.aclose"] if kind.iterator in ("aclose", "both") else []
    has = {"none": [], "aclose": ["body.aclose"], "both": ["body.aclose"]}
    yield from has.get(kind.body, ["body.close"])


@pytest.mark.parametrize("ending", ["read", "left", "left in send"])
@pytest.mark.parametrize("kind", ASYNC, ids=str)
def test_a_stream_of_ones_own_is_cleaned_up_under_asgi(kind, ending, backend):
    check(closed(asgi, kind, ending, OURS, own=True), [*owed_to_its_own(kind)])


@pytest.mark.parametrize("ending", ["read", "left"])
@pytest.mark.parametrize("kind", SYNC, ids=str)
def test_so_it_is_under_wsgi(kind, ending, backend):
    plain = closed(wsgi, kind, ending, PLAIN)
    check(closed(wsgi, kind, ending, OURS, own=True), plain.closed)


@pytest.mark.parametrize("kind", ASYNC, ids=str)
def test_so_is_an_async_one_under_wsgi(kind, backend):
    plain = closed(wsgi, kind, "read", PLAIN)
    check(closed(wsgi, kind, "read", OURS, own=True), plain.closed)


class Raising(Log):
    """Has every closer raise, after it has been noted."""

    def note(self, what):
        super().note(what)
        raise LookupError(what)


@pytest.mark.parametrize("kind", ASYNC, ids=str)
def test_a_closer_that_raises_does_not_keep_the_others_from_running(kind, backend, caplog):
    log = Raising()

    def make(request):
        return StreamingHttpResponse(streaminstr.stream(kind.make(log)))

    with override_settings(MIDDLEWARE=OURS), caplog.at_level(logging.CRITICAL):
        asgi(make, "left in send")
        gc.collect(1)
    check(log, [*owed_to_its_own(kind)])
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]


class AwaitableResult:
    """A body whose `aclose` is no coroutine function, and returns something to await."""

    def __init__(self, log):
        self.log = log

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        return b"a"

    def aclose(self):
        return asyncio.get_running_loop().create_task(self.finish())

    async def finish(self):
        await asyncio.sleep(0)
        self.log.append("finished")


def test_what_a_closer_returns_is_awaited_whatever_it_is(backend):
    log = []
    assert not inspect.iscoroutinefunction(AwaitableResult.aclose)
    with override_settings(MIDDLEWARE=OURS):
        asgi(lambda request: StreamingHttpResponse(AwaitableResult(log)), "left in send")
    assert log == ["finished"]
