"""A Starlette application that streams."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.routing import Route

from real_bodies import BoomError, Turn
from real_spans import TRACER, note


async def lines(turn):
    try:
        for number in range(4):
            note(number)
            yield f"{number}\n"
            await turn.anext()
    finally:
        note("cleaned up")


def sync_lines(turn):
    try:
        for number in range(4):
            note(number)
            yield f"{number}\n"
            turn.next()
    finally:
        note("cleaned up")


async def stream(request):
    return StreamingResponse(lines(Turn(request.path_params["ending"])))


async def stream_in_threads(request):
    return StreamingResponse(sync_lines(Turn(request.path_params["ending"])))


async def stream_and_go_on(request):
    return StreamingResponse(lines(Turn("full")), background=BackgroundTask(go_on))


async def go_on():
    with TRACER.start_as_current_span("background"):
        pass


async def stream_and_fail(request):
    return StreamingResponse(lines(Turn("full")), background=BackgroundTask(fail))


async def fail():
    raise BoomError


def app(*, middleware=()):
    routes = [
        Route("/stream/{ending}", stream),
        Route("/sync/{ending}", stream_in_threads),
        Route("/background", stream_and_go_on),
        Route("/failing-background", stream_and_fail),
    ]
    return Starlette(routes=routes, middleware=middleware)
