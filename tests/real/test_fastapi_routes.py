"""Where a stream may come from in FastAPI, and what is no stream, without us and with us."""

import asyncio

import fastapi.routing
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.responses import EventSourceResponse, StreamingResponse
from fastapi.sse import ServerSentEvent
from sse_starlette import EventSourceResponse as OtherEventSourceResponse
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from real_app import App
from real_bodies import Turn
from real_check import check, visit
from real_spans import TRACER, note, notes
from real_starlette import go_on, lines
from streaminstr.starlette import instrument, stream_scope

KINDS = pytest.mark.parametrize("kind", ["stream", "raw", "jsonl", "sse"])
NOTED = {"name": "mine", "attributes": {"llm.model": "small"}}


async def response(ending: str):
    return StreamingResponse(lines(Turn(ending)))


async def texts(ending: str):
    async for line in lines(Turn(ending)):
        yield line


async def items(ending: str):
    async for line in lines(Turn(ending)):
        yield {"n": int(line)}


def add(router, *, decorate=lambda endpoint: endpoint, **options):
    """The four kinds of endpoints that stream."""
    router.get("/stream/{ending}", **options)(decorate(response))
    router.get("/raw/{ending}", response_class=StreamingResponse, **options)(decorate(texts))
    router.get("/jsonl/{ending}", **options)(decorate(items))
    router.get("/sse/{ending}", response_class=EventSourceResponse, **options)(decorate(items))
    return router


def see(make, path, ending="full", *, outcome=None, instrument=instrument, **options):
    site = App(make, "asgi", path, net=False, instrument=instrument, options=options)
    return check(site, ending, outcome=outcome)[1].recorder.recording.started[0]


def routed():
    """Routers in routers, in an application that is mounted."""
    inner, outer = add(APIRouter(prefix="/{room}")), APIRouter(prefix="/shop")
    outer.include_router(inner, prefix="/chat")
    app, site = FastAPI(), FastAPI()
    app.include_router(outer)
    site.mount("/m", app)
    return site


@KINDS
def test_a_router_in_a_router_in_what_is_mounted(kind):
    stream = see(routed, f"/m/shop/chat/tea/{kind}/{{ending}}")
    assert stream.name == f"GET /m/shop/chat/{{room}}/{kind}/{{ending}}"


@KINDS
def test_what_is_mounted_can_be_the_one_that_is_instrumented(kind):
    def instrument_inner(site):
        (inner,) = (route.app for route in site.routes if getattr(route, "path", "") == "/m")
        instrument(inner)

    path = f"/m/shop/chat/tea/{kind}/{{ending}}"
    stream = see(routed, path, instrument=instrument_inner)
    assert stream.name == f"GET /m/shop/chat/{{room}}/{kind}/{{ending}}"


@KINDS
@pytest.mark.parametrize("times", [1, 2])
def test_routes_and_middleware_that_are_added_later(kind, times):
    def fill(app):
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
        app.include_router(add(APIRouter(prefix="/late")))

    def instrument_and_fill(app):
        for _ in range(times):
            instrument(app)
        fill(app)

    def filled():
        fill(app := FastAPI())
        return app

    path, options = f"/late/{kind}/full", {"headers": [(b"origin", b"http://x")]}
    plain = visit(App(filled, "asgi", path, options=options), "full", ours=False)
    late = App(FastAPI, "asgi", path, net=False, instrument=instrument_and_fill, options=options)
    ours = visit(late, "full", ours=True)
    assert ours.seen == plain.seen
    assert (ours.seen.status, ours.recorder.streams) == (200, ["completed"])
    assert ours.recorder.parents("note") == {f"GET /late/{kind}/{{ending}}"}


@KINDS
def test_after_other_middleware(kind):
    def make():
        app = add(FastAPI())
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
        return app

    headers = [(b"origin", b"http://x")]
    see(make, f"/{kind}/{{ending}}", "waits", outcome="cancelled by client", headers=headers)


@KINDS
def test_an_endpoint_says_what_its_streams_are(kind):
    stream = see(lambda: add(FastAPI(), decorate=scoped(**NOTED)), f"/{kind}/{{ending}}")
    assert stream.name == "mine"
    assert stream.info.attributes["llm.model"] == "small"


def scoped(**options):
    """The decorator on a function of its own: it leaves a note."""

    def decorate(endpoint):
        return stream_scope(**options)(_copy(endpoint))

    return decorate


def _copy(function):
    kind = type(function)
    return kind(function.__code__, function.__globals__, function.__name__, function.__defaults__)


@KINDS
def test_an_endpoint_is_left_out(kind):
    make = lambda: add(FastAPI(), decorate=scoped(enabled=False))  # noqa: E731
    site = App(make, "asgi", f"/{kind}/full", instrument=instrument)
    plain, ours = (visit(site, "full", ours=ours) for ours in (False, True))
    assert ours.seen == plain.seen
    assert ours.recorder.streams == []
    assert ours.recorder.parents("note") == {"request"}


@pytest.mark.parametrize(("method", "status"), [("HEAD", 405), ("OPTIONS", 405), ("POST", 405)])
def test_another_method_is_answered_as_without_us(method, status):
    plain, ours = (asyncio.run(asked(add(FastAPI()), ours=ours, method=method)) for ours in NO_YES)
    assert ours == plain
    assert ours[0]["status"] == status


NO_YES = (False, True)


async def asked(app, *, ours, **scope):
    """What an application sends for a request without a body."""
    if ours:
        instrument(app)
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    asgi = {"version": "3.0", "spec_version": "2.4"}
    request = {"type": "http", "path": "/stream/full", "headers": [], "query_string": b""}
    await app({**request, "asgi": asgi, "root_path": "", **scope}, receive, send)
    return sent


def with_lifespan():
    async def lifespan(app):
        yield {"pool": "open"}

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws")
    async def echo(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    return app


@pytest.mark.filterwarnings("ignore:async generator function lifespans")
def test_the_lifespan_is_that_of_without_us():
    async def live(*, ours):
        app, heard, state = with_lifespan(), iter(["startup", "shutdown"]), {}
        if ours:
            instrument(app)
        sent = []

        async def receive():
            return {"type": f"lifespan.{next(heard)}"}

        async def send(message):
            sent.append(message)

        await app({"type": "lifespan", "state": state}, receive, send)
        return sent, state

    plain, ours = (asyncio.run(live(ours=ours)) for ours in NO_YES)
    assert ours == plain
    assert ours[1] == {"pool": "open"}


def test_a_websocket_is_that_of_without_us():
    async def talk(*, ours):
        app, said = with_lifespan(), iter([{"type": "websocket.connect"}, TEXT])
        if ours:
            instrument(app)
        sent = []

        async def receive():
            return next(said)

        async def send(message):
            sent.append(message)

        scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b""}
        await app({**scope, "subprotocols": [], "root_path": ""}, receive, send)
        return sent

    plain, ours = (asyncio.run(talk(ours=ours)) for ours in NO_YES)
    assert ours == plain
    assert [message["type"] for message in ours] == [
        *("websocket.accept", "websocket.send", "websocket.close")
    ]


TEXT = {"type": "websocket.receive", "text": "hello"}


def with_background():
    """What is done after the response: FastAPI's `BackgroundTasks`, with each kind of endpoint."""

    async def later(background: BackgroundTasks):
        background.add_task(go_on)
        background.add_task(notes.append, "background")

    return add(FastAPI(), dependencies=[Depends(later)])


@KINDS
def test_a_background_task_runs_after_the_stream_and_outside_of_it(kind):
    site = App(with_background, "asgi", f"/{kind}/{{ending}}", net=False, instrument=instrument)
    _, ours = check(site, "full")
    assert ours.seen.notes[-2:] == ["cleaned up", "background"]
    # An instrumentation of the process may have a span of its own in between.
    assert f"GET /{kind}/{{ending}}" not in ours.recorder.parents("background")


async def slow():
    """An event, and then nothing for long enough that a ping is sent."""
    yield 1
    await asyncio.sleep(0.3)
    yield 2


def pinging(monkeypatch):
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.05)
    app = FastAPI()

    @app.get("/stream", response_class=EventSourceResponse)
    async def own():
        yield ServerSentEvent(comment="of the application's own")
        async for number in slow():
            yield number

    return app


def others_pinging(_):
    async def events(request):
        return OtherEventSourceResponse(({"data": number} async for number in slow()), ping=0.05)

    return Starlette(routes=[Route("/stream", events)])


@pytest.mark.parametrize(
    ("make", "pings"), [(pinging, 1), (others_pinging, 0)], ids=["fastapi", "sse-starlette"]
)
def test_pings_that_are_sent_beside_the_body_are_not_seen(make, pings, monkeypatch):
    site = App(lambda: make(monkeypatch), "asgi", "/stream", net=False, instrument=instrument)
    ours = visit(site, "full", ours=True)
    assert ours.seen.body.count(b": ping") > 1
    (stream,) = ours.recorder.recording.started
    assert (stream.report.events, stream.report.pings) == (2, pings)


def test_a_span_of_the_endpoint_is_no_parent_of_the_stream():
    """Nor is it with Django: a span that ends with the view is closed before the first chunk."""

    async def spanned(ending: str):
        with TRACER.start_as_current_span("endpoint"):
            note("in the endpoint")
            return StreamingResponse(lines(Turn(ending)))

    def make():
        app = FastAPI()
        app.get("/stream/{ending}")(spanned)
        return app

    site = App(make, "asgi", net=False, instrument=instrument)
    found = visit(site, "full", ours=True).recorder
    assert found.parents("GET /stream/{ending}") == {"request"}
