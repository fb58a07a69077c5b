"""sse-starlette, which sends events and pings from a task of its own."""

import anyio
import pytest
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route

from differential.backends import in_force
from real_app import App
from real_bodies import Turn
from real_check import check
from real_starlette import lines
from server_by_hand import gone
from starlette_by_hand import site, visit
from streaminstr.testing import RecordingBackend


async def events(request):
    return EventSourceResponse(lines(Turn(request.path_params["ending"])), ping=60)


def app():
    return Starlette(routes=[Route("/stream/{ending}", events)])


@pytest.mark.parametrize("ending", ["full", "fails", "waits", "sends", "refused"])
def test_events(ending):
    check(App(app, "asgi"), ending, inside=None)  # another task has another Context


@pytest.mark.parametrize("ours", [False, True])
async def test_what_sends_to_a_channel_is_told_that_the_client_has_left(ours):
    """Its next send raises, since the receiver is closed; otherwise it waits for good."""
    sender, receiver = anyio.create_memory_object_stream(1)
    app = site(lambda request: EventSourceResponse(receiver), ours=ours)
    backend = RecordingBackend()
    sender.send_nowait({"data": "one"})
    with in_force(backend), pytest.raises(ConnectionError):
        await visit(app, on_send=gone)
    with pytest.raises(anyio.BrokenResourceError):
        sender.send_nowait({"data": "two"})
    sender.close()
    assert len(backend.started) == ours
