"""Which responses have a scope, how it is called, and what else is round them."""

import asyncio
import logging
from contextvars import ContextVar

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

import streaminstr
from server_by_hand import ByHand
from starlette_by_hand import site, visit
from streaminstr import StreaminstrError, _configure, current_stream
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.starlette import instrument

bound = ContextVar("bound", default="unbound")


async def numbers(request=None):
    yield b"1"
    yield b"2"


def names(backend):
    return [(stream.name, stream.outcome) for stream in backend.started]


ONE = [("GET /numbers/{kind}", "completed")]


async def test_instrumented_twice_and_inside_of_a_net_it_has_one_scope(backend):
    app = site(numbers)
    instrument(app)
    assert len(app.user_middleware) == 1
    assert (await visit(StreamScopeMiddleware(app))).chunks == [b"1", b"2"]
    assert names(backend) == ONE


async def test_an_application_that_has_started_is_refused():
    app = site(numbers, ours=False)
    await visit(app)
    with pytest.raises(StreaminstrError, match="too late"):
        instrument(app)


@pytest.mark.parametrize("app", [None, StreamScopeMiddleware(None)])
def test_what_is_no_application_of_starlette_is_refused_with_all_else_that_is_wrong(app):
    with pytest.raises(StreaminstrError) as refused:
        instrument(app, filter="yes", ends_with=["[DONE]"])
    application, marker, chosen = refused.value.args
    assert "Put streaminstr.asgi.StreamScopeMiddleware round" in application
    assert marker.startswith("ends_with is ['[DONE]']")
    assert chosen.startswith("filter")


async def test_an_application_that_is_not_instrumented_is_left_alone(backend):
    site(numbers)
    assert (await visit(site(numbers, ours=False))).chunks == [b"1", b"2"]
    assert backend.streams == []


async def test_with_the_backend_turned_off_nothing_is_wrapped(backend):
    with _configure.forced(_configure.build(None)):
        assert (await visit(site(numbers))).chunks == [b"1", b"2"]
    assert backend.streams == []


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
async def test_a_response_without_content_has_no_scope(backend, method, status):
    app = site(lambda request: StreamingResponse(numbers(), status))
    await visit(app, method=method)
    assert backend.streams == []


async def test_a_plain_page_and_a_file_have_none(backend, tmp_path):
    (tmp_path / "file").write_bytes(b"1" * 100_000)
    page = Route("/page", lambda request: PlainTextResponse("1"))
    file = Route("/file", lambda request: FileResponse(tmp_path / "file"))
    app = Starlette(routes=[page, file])
    instrument(app)
    for path in ("/page", "/file"):
        assert (await visit(app, path)).chunks
    assert backend.streams == []


async def test_a_websocket_is_left_alone(backend):
    async def echo(websocket):
        await websocket.accept()
        await websocket.close()

    app = Starlette(routes=[WebSocketRoute("/ws", echo)])
    instrument(app)
    server = ByHand("/ws")
    server.scope.update(type="websocket", subprotocols=[])
    server._asked = True

    async def connect():
        return {"type": "websocket.connect"}

    await app(server.scope, connect, server.send)
    assert [message["type"] for message in server.sent] == ["websocket.accept", "websocket.close"]
    assert backend.streams == []


def mounted(*routes):
    app = Starlette(routes=routes)
    instrument(app)
    return app


@pytest.mark.parametrize(
    ("app", "name"),
    [
        (mounted(Mount("/m", site(numbers, ours=False))), "/m/numbers/{kind}"),
        (mounted(Mount("/{team}", site(numbers))), "/{team}/numbers/{kind}"),
        (mounted(Mount("/a", routes=[Mount("/b", site(numbers))])), "/a/b/numbers/{kind}"),
        (mounted(Host("testserver", site(numbers))), "/numbers/{kind}"),
        (mounted(Mount("/m", StreamingResponse(numbers()))), "/m"),
    ],
    ids=["mount", "with a parameter", "twice", "host", "no routes"],
)
async def test_the_name_is_the_whole_pattern_of_the_route(backend, app, name):
    prefix = name.removesuffix("/numbers/{kind}").replace("{team}", "blue")
    await visit(app, f"{prefix}/numbers/odd")
    assert names(backend) == [(f"GET {name}", "completed")]


async def test_an_answer_that_no_route_makes_is_named_by_the_method(backend):
    async def answer(request, error):
        return StreamingResponse(numbers())

    app = Starlette(routes=[], exception_handlers={404: answer})
    instrument(app)
    assert (await visit(app, "/nowhere")).sent[0]["status"] == 200
    assert names(backend) == [("GET", "completed")]


@pytest.mark.parametrize(
    "make",
    [
        lambda: streaminstr.stream(numbers(), name="mine", attributes={"a": 1}),
        lambda: streaminstr.stream(iter([b"1", b"2"]), name="mine", attributes={"a": 1}),
    ],
    ids=["async", "sync"],
)
async def test_a_stream_that_is_given_to_a_response_is_adopted(backend, make):
    assert (await visit(site(lambda request: make()))).chunks == [b"1", b"2"]
    (stream,) = backend.started
    assert (stream.name, stream.outcome) == ("mine", "completed")
    assert stream.info.attributes["a"] == 1
    assert stream.info.attributes["http.route"] == "/numbers/{kind}"


async def test_a_stream_without_a_name_has_the_routes():
    with _configure.forced(_configure.build(backend := streaminstr.testing.RecordingBackend())):
        await visit(site(lambda request: streaminstr.stream(numbers())))
    assert names(backend) == ONE


async def test_a_primed_stream_is_adopted_after_its_first_chunk(backend):
    async def page(request):
        return StreamingResponse(await streaminstr.stream(numbers(), name="mine").aprime())

    app = Starlette(routes=[Route("/numbers/{kind}", page)])
    instrument(app)
    assert (await visit(app)).chunks == [b"1", b"2"]
    assert names(backend) == [("mine", "completed")]
    assert backend.started[0].report.attributes["http.route"] == "/numbers/{kind}"


async def test_a_generator_under_streamed_is_adopted_and_knows_its_end(backend):
    streamed = streaminstr.streamed("mine", ends_with=b"[DONE]")
    await visit(site(streamed(numbers)))
    assert names(backend) == [("mine", "failed")]


async def test_a_stream_that_a_body_reads_is_another_one(backend):
    async def body():
        async for number in streaminstr.stream(numbers(), name="inner"):
            yield number

    await visit(site(lambda request: body()))
    assert sorted(names(backend)) == [*ONE, ("inner", "completed")]


async def test_the_servers_code_sees_nothing_of_what_the_body_has_bound(backend):
    seen = []

    async def body():
        seen.append(bound.get())
        bound.set("by the body")
        yield b"1"
        seen.append(bound.get())

    def respond(request):
        bound.set("by the endpoint")
        return body()

    async def look(message):
        seen.append((bound.get(), bool(current_stream()), backend.current))

    await visit(site(respond), on_send=look)
    outside = ("unbound", False, None)
    assert seen == [outside, "by the endpoint", outside, "by the body", outside]


async def test_streams_that_take_turns_do_not_mix(backend):
    seen = []

    async def body(kind):
        bound.set(kind)
        for _ in range(3):
            yield kind
            seen.append((kind, bound.get(), current_stream().info.attributes["url.path"]))

    app = site(lambda request: body(request.path_params["kind"]))
    await asyncio.gather(*(visit(app, f"/numbers/{kind}") for kind in ("odd", "even")))
    assert set(seen) == {(kind, kind, f"/numbers/{kind}") for kind in ("odd", "even")}


async def test_log_lines_of_the_body_carry_what_the_request_had_bound(backend):
    async def body():
        current_stream().logger.info("at work")
        yield b"1"

    with capture_logs() as lines, bound_contextvars(request="a"):
        await visit(site(lambda request: body()))
    (line,) = (one for one in lines if one["event"] == "at work")
    assert (line["stream"], line["span_id"]) == ("GET /numbers/{kind}", "0000000000000001")


async def test_a_body_can_say_that_it_has_failed(backend):
    async def body():
        current_stream().fail("no tokens left")
        yield b"1"

    await visit(site(lambda request: body()))
    assert names(backend) == [("GET /numbers/{kind}", "failed")]


async def test_the_events_and_pings_of_an_event_stream_are_counted(backend):
    async def body():
        yield "data: é\n\n"
        yield ": ping\n\n"

    page = lambda request: StreamingResponse(body(), media_type="text/event-stream")  # noqa: E731
    await visit(site(page), headers=[(b"last-event-id", b"1")])
    report = backend.started[0].report
    assert (report.events, report.pings, report.bytes, report.resumed) == (1, 1, 18, True)


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


class Again(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return StreamingResponse((await call_next(request)).body_iterator)


class Dropping(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        await call_next(request)
        return PlainTextResponse("another")


class Failing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        await call_next(request)
        raise KeyError


@pytest.mark.parametrize(
    ("net", "cause"),
    [(lambda app: app, "client"), (StreamScopeMiddleware, None)],
    ids=["alone", "net"],
)
@pytest.mark.parametrize("waits", [False, True])
async def test_a_response_that_such_middleware_drops_is_closed_once(backend, net, cause, waits):
    """The body is a step ahead. What is inside of such middleware is told of a disconnect."""
    cleaned = []

    async def body():
        try:
            yield b"1"
            if waits:
                await asyncio.Event().wait()
            for _ in range(9):
                yield b"2"
        finally:
            if not waits:  # else it is the step itself that was cancelled, as without us
                await asyncio.sleep(0)
            cleaned.append(current_stream().info.name)

    app = net(site(lambda request: body(), middleware=[Middleware(Dropping)]))
    assert (await visit(app, spec_version="2.3")).chunks == [b"another"]
    assert cleaned == ["GET /numbers/{kind}"]
    assert names(backend) == [("GET /numbers/{kind}", "cancelled")]
    assert backend.started[0].report.cancelled_by == cause


@pytest.mark.parametrize("net", [lambda app: app, StreamScopeMiddleware], ids=["alone", "net"])
async def test_an_error_of_such_middleware_is_not_the_streams(backend, net):
    app = net(site(numbers, middleware=[Middleware(Failing)]))
    with pytest.raises(KeyError):
        await visit(app)
    assert names(backend) == [("GET /numbers/{kind}", "cancelled")]


@pytest.mark.parametrize("middleware", [Passing, Again, GZipMiddleware])
@pytest.mark.parametrize("net", [lambda app: app, StreamScopeMiddleware], ids=["alone", "net"])
async def test_behind_middleware_there_is_one_scope_too(backend, middleware, net):
    app = net(site(numbers, middleware=[Middleware(middleware)]))
    assert (await visit(app)).chunks == [b"1", b"2"]
    assert names(backend) == ONE


async def test_what_breaks_the_making_of_a_stream_does_not_break_the_response(errors, caplog):
    def respond(request):
        request.scope["method"] = ["nonsense"]
        return numbers()

    caplog.set_level(logging.CRITICAL)
    assert (await visit(site(respond))).chunks == [b"1", b"2"]
    assert sum(errors.values()) == 2  # here, and in the net, which tries its luck as well
    errors.clear()
