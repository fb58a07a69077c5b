"""How many bytes an open response holds more through a net than without it, by tracemalloc."""

import asyncio
import gc
import tracemalloc
from contextvars import Context
from itertools import repeat

import pytest

import streaminstr
from streaminstr import Outcome, _configure, asgi, wsgi

RESPONSES = 200
HEADERS = [(b"content-type", b"text/event-stream")]


@pytest.fixture
def unseen():
    """Streams that no vendor and no log holds anything of."""
    with _configure.forced(_configure.build(log_levels=dict.fromkeys(Outcome))):
        yield


def taken():
    """Bytes for each response since `tracemalloc.start`."""
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / RESPONSES


def over_asgi(wrap):
    return asyncio.run(over_asgi_in_loop(wrap))


async def over_asgi_in_loop(wrap):
    """With each response in a task that waits for its client after the first chunk."""

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    served = wrap(app)

    async def opened(count):
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        tasks = [asyncio.ensure_future(served(scope, receive, send)) for _ in repeat(None, count)]
        for _ in range(5):  # until all of them wait in `send`
            await asyncio.sleep(0)
        return tasks

    before = await opened(1)
    tracemalloc.start()
    tasks = await opened(RESPONSES)
    held = taken()
    for task in (*before, *tasks):
        task.cancel()
    await asyncio.gather(*before, *tasks, return_exceptions=True)
    return held


def over_wsgi(wrap):
    """With each response between two chunks."""

    def app(environ, start_response):
        start_response("200 OK", [("content-type", "text/event-stream")])
        return streaminstr.stream(repeat(b"data: 1\n\n"))

    served = wrap(app)

    def opened():
        response = served({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
        next(iter(response))
        return response

    opened().close()
    tracemalloc.start()
    responses = [opened() for _ in repeat(None, RESPONSES)]
    held = taken()
    for response in responses:
        response.close()
    return held


def bare(app):
    return app


def more(measure, wrap):
    """Bytes. In an empty Context: what other tests have bound would be held by each stream too."""
    return Context().run(measure, wrap) - Context().run(measure, bare)


def test_the_asgi_net_and_its_stream_hold_little(unseen):
    assert more(over_asgi, asgi.StreamScopeMiddleware) < 8 * 1024


def test_the_wsgi_net_holds_little(unseen):
    assert more(over_wsgi, wsgi.StreamScopeMiddleware) < 1.8 * 1024
