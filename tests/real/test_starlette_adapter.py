"""Starlette's adapter: the scope is current in the body from its first step on, in each ending.

Each program without us and with us, with another net round it and without.
"""

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import EventSourceResponse, StreamingResponse
from sse_starlette import EventSourceResponse as OtherEventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

import streaminstr
from real_app import App
from real_bodies import Turn
from real_check import check, visit
from real_spans import note, notes
from real_starlette import app, lines
from streaminstr.starlette import instrument

ENDINGS = pytest.mark.parametrize("ending", ["full", "fails", "waits", "sends", "refused"])
IN_THREADS = pytest.mark.parametrize("ending", ["full", "fails", "sends", "refused"])
OUTCOMES = {"full": "completed", "fails": "failed"}


@pytest.fixture(params=[False, True], ids=["alone", "net"])
def net(request):
    return request.param


def see(make, ending, net, path="/stream/{ending}", *, outcome=None, **options):
    """Both visits. Who cut the stream is known without another net as well."""
    site = App(make, "asgi", path, net=net, instrument=instrument, options=options)
    return check(site, ending, outcome=outcome or OUTCOMES.get(ending, "cancelled by client"))


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


async def session():
    try:
        yield
    finally:
        notes.append("session closed")  # outside of the stream


async def events(ending: str):
    turn = Turn(ending)
    try:
        for number in range(20):
            note(number)
            yield {"n": number}
            await turn.anext()
    finally:
        note("cleaned up")


def sync_events(ending: str):
    turn = Turn(ending)
    try:
        for number in range(20):
            note(number)
            yield {"n": number}
            turn.next()
    finally:
        note("cleaned up")


async def texts(ending: str):
    async for line in lines(Turn(ending)):
        yield line


async def response(ending: str):
    return StreamingResponse(lines(Turn(ending)))


def shop(ending, **options):
    """Where a send fails, the body is cleaned up before the dependencies, see below."""
    has_session = ending in {"full", "fails", "waits"}
    router = APIRouter(dependencies=[Depends(session)] if has_session else [])
    router.get("/stream/{ending}")(response)
    router.get("/jsonl/{ending}")(events)
    router.get("/raw/{ending}", response_class=StreamingResponse)(texts)
    router.get("/sse/{ending}", response_class=EventSourceResponse)(events)
    router.get("/sync-sse/{ending}", response_class=EventSourceResponse)(sync_events)
    named = streaminstr.streamed("mine")
    router.get("/named-sse/{ending}", response_class=EventSourceResponse)(named(events))
    router.get("/named-raw/{ending}", response_class=StreamingResponse)(named(texts))
    app = FastAPI(**options)
    app.include_router(router, prefix="/shop")
    return app


@ENDINGS
def test_an_async_body(ending, net):
    see(app, ending, net)


@IN_THREADS
def test_a_sync_body_in_threads(ending, net):
    see(app, ending, net, "/sync/{ending}")


@ENDINGS
def test_a_body_behind_compression(ending, net):
    packed = {"headers": [(b"accept-encoding", b"gzip")]}
    see(lambda: app(middleware=[Middleware(GZipMiddleware)]), ending, net, **packed)


RELAYED = pytest.mark.parametrize("ending", ["full", "fails", "waits", "refused"])
"""Without us, too, such middleware waits for good where the server waits as it sends."""


def relayed(ending, net):
    """That middleware keeps to itself that a send has failed: a net round it knows."""
    return "cancelled" if ending == "refused" and not net else None


@RELAYED
def test_a_body_behind_middleware_that_sends_it_from_another_task(ending, net):
    make = lambda: app(middleware=[Middleware(Passing)])  # noqa: E731
    see(make, ending, net, outcome=relayed(ending, net))


@ENDINGS
def test_a_mounted_application(ending, net):
    see(lambda: Starlette(routes=[Mount("/m", app())]), ending, net, "/m/stream/{ending}")


@ENDINGS
@pytest.mark.parametrize("kind", ["stream", "jsonl", "raw", "sse", "named-sse", "named-raw"])
def test_fastapi(kind, ending, net):
    see(lambda: shop(ending), ending, net, f"/shop/{kind}/{{ending}}")


@pytest.mark.parametrize("ending", ["full", "fails"])
def test_fastapi_with_a_generator_in_threads(ending, net):
    see(lambda: shop(ending), ending, net, "/shop/sync-sse/{ending}")


@pytest.mark.parametrize("ending", ["sends", "refused"])
def test_fastapi_with_a_generator_in_threads_whose_client_leaves(ending, net):
    """How far it gets ahead of the client is a matter of time, without us as well."""
    path = f"/shop/sync-sse/{ending}"
    site = App(lambda: shop(ending), "asgi", path, net=net, instrument=instrument)
    ours = visit(site, ending, ours=True)
    assert ours.recorder.streams == ["cancelled by client"]
    assert ours.seen.notes[-1] == "cleaned up"


@RELAYED
@pytest.mark.parametrize("kind", ["stream", "sse"])
def test_fastapi_behind_middleware_that_sends_from_another_task(kind, ending, net):
    make = lambda: shop(ending, middleware=[Middleware(Passing)])  # noqa: E731
    see(make, ending, net, f"/shop/{kind}/{{ending}}", outcome=relayed(ending, net))


@pytest.mark.parametrize("kind", ["stream", "sse"])
def test_a_body_is_cleaned_up_before_the_dependencies_of_its_endpoint(kind, net):
    """And not when the collector comes to it, after the session was closed under it."""
    site = App(lambda: shop("full"), "asgi", f"/shop/{kind}/sends", net=net, instrument=instrument)
    assert visit(site, "sends", ours=False).seen.notes[-2:] == ["session closed", "cleaned up"]
    assert visit(site, "sends", ours=True).seen.notes[-2:] == ["cleaned up", "session closed"]


async def other_events(request):
    return OtherEventSourceResponse(lines(Turn(request.path_params["ending"])), ping=60)


@ENDINGS
def test_sse_starlette(ending, net):
    see(lambda: Starlette(routes=[Route("/stream/{ending}", other_events)]), ending, net)
