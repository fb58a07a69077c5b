"""A Starlette application that streams."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from real_bodies import Turn
from real_spans import note


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


def app(*, middleware=()):
    routes = [
        Route("/stream/{ending}", stream),
        Route("/sync/{ending}", stream_in_threads),
    ]
    return Starlette(routes=routes, middleware=middleware)
