"""The site of `server_site` in Starlette and in FastAPI: `starlette`, `fastapi`, and in their nets.

FastAPI's endpoints yield, and those of event streams yield events.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

import streaminstr
from server_bodies import BODIES, EVENTS, FAREWELL, FILE_SIZE, PING
from server_record import BACKENDS, LEVELS, watched_asgi
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.starlette import instrument

try:
    from fastapi import FastAPI
    from fastapi.responses import EventSourceResponse
    from fastapi.routing import APIRoute
    from fastapi.sse import ServerSentEvent
except ModuleNotFoundError:  # then Starlette's site is the one that is served
    FastAPI = None

PATHS = {"async": "/async/{body}/{scenario}", "sync": "/sync/{body}/{scenario}"}
METHODS = ["GET", "HEAD"]


def media_type(body):
    return "text/event-stream" if body in EVENTS else "text/plain"


def page(mode):
    """An endpoint of Starlette's that streams the bodies of this kind."""

    async def endpoint(request):
        body = request.path_params["body"]
        response = StreamingResponse(BODIES[body][mode](), media_type=media_type(body))
        return PlainTextResponse("another") if body == "dropped" else response

    return endpoint


async def file(request):
    return FileResponse(FILE, filename="big.bin")


async def plain(request):
    return PlainTextResponse("x" * 200_000)


def starlette_site():
    routes = [
        Route(PATHS["sync"], page(0)),
        Route(PATHS["async"], page(1)),
        Route("/file/{scenario}", file),
        Route("/plain", plain),
    ]
    return Starlette(routes=routes)


async def yielding(body: str, scenario: str):
    async for chunk in BODIES[body][1]():
        yield chunk


def yielding_sync(body: str, scenario: str):
    yield from BODIES[body][0]()


def yielding_events(body):
    async def endpoint(scenario: str):
        async for chunk in BODIES[body][1]():
            yield as_event(chunk)

    return endpoint


def as_event(chunk):
    if chunk == PING:
        return ServerSentEvent(comment="ping")
    return ServerSentEvent(raw_data=chunk.decode().removeprefix("data: ").strip())


def fastapi_site():
    class Dropping(APIRoute):
        """Its response is never sent."""

        def get_route_handler(self):
            respond = super().get_route_handler()

            async def answer(request):
                await respond(request)
                return PlainTextResponse("another")

            return answer

    class Plain(StreamingResponse):
        media_type = "text/plain"

    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    for body in EVENTS:
        path = PATHS["async"].replace("{body}", body)
        app.get(path, response_class=EventSourceResponse)(yielding_events(body))
    options = {"methods": METHODS, "response_class": Plain}
    dropped = PATHS["async"].replace("{body}", "dropped")
    app.router.routes.append(Dropping(dropped, yielding_dropped, **options))
    app.api_route(PATHS["async"], **options)(yielding)
    app.api_route(PATHS["sync"], **options)(yielding_sync)
    app.add_api_route("/file/{scenario}", file_of_scenario)
    app.add_api_route("/plain", plain_page)
    return app


async def yielding_dropped(scenario: str):
    async for chunk in BODIES["dropped"][1]():
        yield chunk


async def file_of_scenario(scenario: str):
    return await file(None)


async def plain_page():
    return await plain(None)


def served(app):
    """It in its own middleware and the adapter's, as a server has it."""
    app.add_middleware(GZipMiddleware)
    instrument(app)
    return app


FILE = Path(os.environ["STREAMINSTR_RECORD"]).with_name("big.bin")
with FILE.open("wb") as empty:
    empty.truncate(FILE_SIZE)

streaminstr.configure(backend=BACKENDS, farewell=FAREWELL, log_levels=LEVELS)
_starlette = served(starlette_site())
starlette = watched_asgi(_starlette)
starlette_net = watched_asgi(StreamScopeMiddleware(_starlette))
if FastAPI is not None:
    _fastapi = served(fastapi_site())
    fastapi, fastapi_net = watched_asgi(_fastapi), watched_asgi(StreamScopeMiddleware(_fastapi))
