"""A rolling restart under load loses no event, leaves no stream without an end, and kills nothing.

Two processes of a server stand behind one address. Each is replaced while clients read endless
event streams, and reconnect as an EventSource does.
"""

import asyncio

import pytest

from deploy_kinds import GRACE, KINDS, is_missing
from deploy_restart import roll

LONGEST = GRACE + 10
"""Seconds for the end of a process, on a busy machine. Without the drain gunicorn waits for 30
seconds, uvicorn and Granian for as long as a client reads."""
MANY, FEW = 200, 30
SHORT = ("gunicorn gthread", "uvicorn h11")
SERVERS = (
    *("gunicorn gthread", "gunicorn gevent", "gunicorn asgi", "gunicorn uvicorn"),
    *("uvicorn h11", "uvicorn httptools", "hypercorn -w 0", "granian asgi"),
)
"""Those that hear of a drain and serve many streams at a time."""
BY_SERVER = ("cancelled", "server")


@pytest.fixture(scope="module", params=SERVERS)
def restart(request, is_short, tmp_path_factory):
    kind = KINDS[request.param]
    if is_missing(kind):
        pytest.skip(f"{kind.module} is not installed")
    if is_short and request.param not in SHORT:
        pytest.skip("not among the few of --short")
    folder = tmp_path_factory.mktemp("restart")
    return asyncio.run(roll(kind, clients=FEW if is_short else MANY, folder=folder))


def test_each_client_has_each_event_once_and_in_order(restart):
    for source in restart.sources:
        ids = [one for connection in source.connections for one in connection.ids]
        assert ids == list(range(1, source.last + 1))


def test_each_event_that_a_body_made_has_arrived(restart):
    for stream in restart.streams:
        if not stream.client_left:
            assert stream.yielded == (stream.received,)


def test_each_client_was_moved_and_none_was_turned_away(restart):
    for source in restart.sources:
        statuses = [connection.status for connection in source.connections]
        assert statuses.count(200) > 1
        assert set(statuses) <= {200, None}


def test_each_stream_is_closed_once_and_cleaned_up_once(restart):
    for stream in restart.streams:
        assert (stream.starts, len(stream.closes), len(stream.yielded)) == (1, 1, 1)


def test_it_is_the_server_that_ends_those_that_do_not_listen(restart):
    ended = [stream for stream in restart.streams if not stream.client_left]
    assert {stream.closes for stream in ended if not stream.listens} == {(BY_SERVER,)}
    assert {stream.closes for stream in ended if stream.listens} == {(("completed", None),)}


def test_each_response_comes_to_its_end(restart):
    assert all(stream.connection.is_whole for stream in restart.streams if not stream.client_left)


def test_no_process_outlives_the_grace_and_none_is_killed(restart):
    assert len(restart.lives) == 4
    assert not [life for life in restart.lives if life is None or life > LONGEST]
    assert not restart.killed
