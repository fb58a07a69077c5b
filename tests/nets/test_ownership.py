"""The net closes the body of its response and nothing else, and knows nothing of other requests."""

import asyncio
import gc
import threading

import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

import streaminstr
from server_by_hand import ByHand, call, gone
from streaminstr import Outcome, asgi, wsgi

START = {"type": "http.response.start", "status": 200, "headers": []}
tasks = []


@pytest.fixture(autouse=True)
def forget():
    tasks.clear()


def chunk(body, *, more=True):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def numbers():
    for number in (b"1", b"2", b"3"):
        yield number


async def forever():
    while True:
        yield b"chunk"
        await asyncio.sleep(0)


async def three_chunks(scope, receive, send):
    await send(START)
    for body in (b"1", b"2", b"3"):
        await send(chunk(body))
    await send(chunk(b"", more=False))


async def serve(app, **options):
    server = ByHand(**options)
    await server.call(asgi.StreamScopeMiddleware(app))
    return server


def outcomes(recorded):
    return {stream.name: (stream.outcome, stream.report.chunks) for stream in recorded.closed}


async def test_a_stream_that_is_in_use_after_the_response_is_left_alone(recorded):
    go_on = asyncio.Event()

    async def job(stream):
        await go_on.wait()
        return [number async for number in stream]

    async def app(scope, receive, send):
        stream = streaminstr.stream(numbers(), name="job")
        await anext(stream)
        tasks.append(asyncio.create_task(job(stream)))
        await send(START)
        await send(chunk(b"at once", more=False))

    await serve(app)
    go_on.set()
    assert await tasks[0] == [b"2", b"3"]
    assert outcomes(recorded) == {"job": ("completed", 3)}


def test_so_it_is_under_wsgi(recorded):
    def app(environ, start_response):
        tasks.append(streaminstr.stream([b"1", b"2", b"3"], name="job"))
        next(tasks[0])
        start_response("200 OK", [])
        return [b"at once"]

    call(wsgi.StreamScopeMiddleware(app))
    assert list(tasks[0]) == [b"2", b"3"]
    assert outcomes(recorded) == {"job": ("completed", 3)}


async def test_a_stream_in_a_step_elsewhere_is_not_the_body(recorded):
    in_step, go_on = asyncio.Event(), asyncio.Event()

    async def waits():
        yield b"1"
        in_step.set()
        await go_on.wait()
        yield b"2"

    async def job(stream):
        return [number async for number in stream]

    async def app(scope, receive, send):
        tasks.append(asyncio.create_task(job(streaminstr.stream(waits(), name="job"))))
        await in_step.wait()
        await three_chunks(scope, receive, send)

    await serve(app)
    go_on.set()
    await tasks[0]
    assert outcomes(recorded) == {"GET": ("completed", 3), "job": ("completed", 2)}


def test_nor_is_it_under_wsgi(recorded):
    in_step, go_on = threading.Event(), threading.Event()

    def waits():
        in_step.set()
        go_on.wait(5)
        yield b"1"

    def app(environ, start_response):
        stream = streaminstr.stream(waits(), name="job")
        tasks.append(threading.Thread(target=list, args=(stream,)))
        tasks[0].start()
        in_step.wait(5)
        start_response("200 OK", [])
        return iter([b"1", b"2"])

    result = call(wsgi.StreamScopeMiddleware(app))
    assert list(result) == [b"1", b"2"]
    result.close()
    go_on.set()
    tasks[0].join(5)
    assert outcomes(recorded) == {"GET": ("completed", 2), "job": ("completed", 1)}


async def test_a_request_that_is_over_cuts_nothing_short(recorded):
    """A worker inherits the Context of the request whose client has left."""
    is_over = asyncio.Event()

    async def job():
        before = streaminstr.stream(forever(), name="made before")
        await anext(before)
        await is_over.wait()
        after = streaminstr.stream(forever(), name="made after")
        await anext(after)
        for stream in (before, after):
            await stream.aclose()

    async def app(scope, receive, send):
        tasks.append(asyncio.create_task(job()))
        await asyncio.sleep(0)
        await three_chunks(scope, receive, send)

    with pytest.raises(ConnectionResetError):
        await serve(app, on_send=gone)
    is_over.set()
    await tasks[0]
    cut_by = {stream.name: stream.report.cancelled_by for stream in recorded.closed}
    assert cut_by == {"GET": "client", "made before": None, "made after": None}


async def test_nor_does_it_tell_when_another_stream_was_asked_for(recorded):
    is_over = asyncio.Event()

    async def job():
        await is_over.wait()
        async for _ in streaminstr.stream(numbers(), name="job"):
            pass

    async def app(scope, receive, send):
        tasks.append(asyncio.create_task(job()))

    await serve(app)
    is_over.set()
    await tasks[0]
    assert recorded.closed[0].report.request_time_to_first_chunk is None


async def test_a_request_that_an_application_makes_in_process_is_another_one(recorded):
    inner = asgi.StreamScopeMiddleware(three_chunks)

    async def app(scope, receive, send):
        asked = ByHand(path="/inner")
        await asked.call(inner)
        assert asked.chunks == [b"1", b"2", b"3"]
        await three_chunks(scope, receive, send)

    await serve(app, path="/outer")
    paths = [stream.info.attributes["url.path"] for stream in recorded.closed]
    assert paths == ["/inner", "/outer"]


async def test_so_is_one_that_a_body_makes(recorded):
    """It is a child: the stream that reads it is cut with it, and it is current in it."""
    inner = asgi.StreamScopeMiddleware(three_chunks)

    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"0"))
        await ByHand(path="/inner").call(inner)
        await send(chunk(b"4", more=False))

    await serve(app, path="/outer")
    chunks = {
        stream.info.attributes["url.path"]: stream.report.chunks for stream in recorded.closed
    }
    assert chunks == {"/inner": 3, "/outer": 2}


def test_so_it_is_in_process_under_wsgi(recorded):
    inner = wsgi.StreamScopeMiddleware(lambda environ, start: iter([b"1", b"2"]))

    def app(environ, start_response):
        result = call(inner, "/inner")
        assert list(result) == [b"1", b"2"]
        result.close()
        return iter([b"3"])

    result = call(wsgi.StreamScopeMiddleware(app), "/outer")
    assert list(result) == [b"3"]
    result.close()
    paths = [stream.info.attributes["url.path"] for stream in recorded.closed]
    assert paths == ["/inner", "/outer"]


async def test_a_mounted_application_is_part_of_the_request(recorded):
    mounted = asgi.StreamScopeMiddleware(three_chunks)
    await serve(Starlette(routes=[Mount("/m", app=mounted)]), path="/m/inner")
    assert outcomes(recorded) == {"GET /m": ("completed", 3)}


async def test_what_the_net_leaves_in_the_request_is_gone_after_it(recorded):
    server = await serve(three_chunks)
    assert not [name for name in server.scope if "streaminstr" in name]


@pytest.mark.parametrize("made_by", ["the view", "its body"])
async def test_a_stream_that_is_dropped_with_the_request_ends_with_it(recorded, made_by):
    """The client leaves, and the body is no longer held by anything when the call is over."""

    async def reads():
        async for number in streaminstr.stream(forever(), name="inner"):
            yield number

    async def endpoint(request):
        body = streaminstr.stream(forever(), name="inner") if made_by == "the view" else reads()
        return StreamingResponse(body)

    with pytest.raises(Exception):  # noqa: B017, PT011 - Starlette's, without a name of its own
        await serve(Starlette(routes=[Route("/", endpoint)]), on_send=gone)
    gc.collect()
    await asyncio.sleep(0.01)  # for the loop, which closes a generator that was dropped
    (inner,) = [stream for stream in recorded.closed if stream.name == "inner"]
    assert (inner.outcome, inner.report.cancelled_by) == (Outcome.CANCELLED, "client")


async def test_what_a_body_leaves_open_ends_with_it(recorded):
    """And for its reason, not as something that was forgotten."""

    async def reads():
        inner = streaminstr.stream(forever(), name="inner")
        async for number in inner:
            yield number

    stream = streaminstr.stream(reads(), name="outer")
    await anext(stream)
    stream.close(cancelled_by="client")
    await asyncio.sleep(0)
    del stream
    gc.collect()
    ended = {
        stream.name: (stream.outcome, stream.report.cancelled_by) for stream in recorded.closed
    }
    assert ended == {"outer": ("cancelled", "client"), "inner": ("cancelled", "client")}


async def test_a_stream_that_was_never_stepped_is_not_taken_for_the_body(recorded):
    unused = []

    async def app(scope, receive, send):
        unused.append(streaminstr.stream(numbers(), name="unused"))
        await three_chunks(scope, receive, send)

    await serve(app)
    assert [(one.name, one.outcome) for one in recorded.started] == [("GET", Outcome.COMPLETED)]


async def test_what_else_a_send_raises_closes_nothing_early(recorded):
    async def refuse(message):
        if message.get("body"):
            raise LookupError

    with pytest.raises(LookupError):
        await serve(three_chunks, on_send=refuse)
    assert [one.outcome for one in recorded.started] == [Outcome.FAILED]
