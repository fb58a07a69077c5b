"""sse-starlette, which sends events and pings from a task of its own."""

import pytest
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route

from real_app import App
from real_bodies import Turn
from real_check import check
from real_starlette import lines


async def events(request):
    return EventSourceResponse(lines(Turn(request.path_params["ending"])), ping=60)


def app():
    return Starlette(routes=[Route("/stream/{ending}", events)])


@pytest.mark.parametrize("ending", ["full", "fails", "waits", "sends", "refused"])
def test_events(ending):
    check(App(app, "asgi"), ending, inside=None)  # another task has another Context
