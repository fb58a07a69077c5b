"""After its last chunk nothing of a stream is current in the application, which goes on."""

import asyncio
from contextvars import ContextVar

import pytest
import structlog
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.routing import Route

import streaminstr
from server_by_hand import ByHand, gone
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.testing import RecordedStream

without_default = ContextVar("without_default")
bound = ContextVar("bound", default="nothing")
seen = []


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """A backend that leaves a variable of its own set, besides."""
    seen.clear()
    start = RecordedStream.start

    def bind(stream):
        without_default.set("by the backend")
        bound.set("by the backend")
        return start(stream)

    monkeypatch.setattr(RecordedStream, "start", bind)


def look(recorded):
    """What is current here."""
    return {
        "stream": streaminstr.current_stream() or None,
        "span": recorded.current,
        "logs": structlog.contextvars.get_contextvars(),
        "default": bound.get(),
        "no default": without_default.get(None),
    }


NOTHING = {"stream": None, "span": None, "logs": {}, "default": "nothing", "no default": None}


async def begin(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"1", "more_body": True})


async def end(send):
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def serve(app, **options):
    await ByHand(**options).call(StreamScopeMiddleware(app))


async def test_for_the_application_itself(recorded):
    async def app(scope, receive, send):
        await begin(send)
        assert look(recorded)["span"] is recorded.streams[0]
        await end(send)
        seen.append(look(recorded))

    await serve(app)
    assert seen == [NOTHING]


async def test_what_it_was_before_it_is_again(recorded):
    async def app(scope, receive, send):
        bound.set("by the application")
        without_default.set("by the application")
        await begin(send)
        assert bound.get() == "by the backend"
        await end(send)
        seen.extend((bound.get(), without_default.get()))

    await serve(app)
    assert seen == ["by the application"] * 2


async def test_what_the_application_has_set_meanwhile_stays(recorded):
    async def app(scope, receive, send):
        await begin(send)
        bound.set("by the application")
        await end(send)
        seen.append(bound.get())

    await serve(app)
    assert seen == ["by the application"]


async def test_for_a_background_task_of_starlette(recorded):
    async def body():
        yield b"1"
        yield b"2"

    async def work():
        seen.append(look(recorded))

    async def endpoint(request):
        return StreamingResponse(body(), background=BackgroundTask(work))

    await serve(Starlette(routes=[Route("/", endpoint)]))
    assert recorded.closed[0].report.chunks == 2
    assert seen == [NOTHING]


async def test_for_a_task_that_has_inherited_it_and_sends_the_last_chunk(recorded):
    async def app(scope, receive, send):
        await begin(send)

        async def finish():
            await end(send)
            seen.append(look(recorded))

        await asyncio.create_task(finish())

    await serve(app)
    # A variable without a default cannot be unset by value.
    assert seen == [{**NOTHING, "no default": "by the backend"}]


async def test_what_it_was_before_it_is_again_for_such_a_task(recorded):
    async def app(scope, receive, send):
        bound.set("by the application")
        await begin(send)

        async def finish():
            await end(send)
            seen.append(bound.get())

        await asyncio.create_task(finish())

    await serve(app)
    assert seen == ["by the application"]


async def test_after_a_send_that_failed(recorded):
    async def app(scope, receive, send):
        try:
            await begin(send)
        except ConnectionResetError:
            seen.append(look(recorded))

    await serve(app, on_send=gone)
    assert seen == [NOTHING]
