"""Files on real WSGI servers: sent by the server where it can, and else read in the stream."""

import time

import pytest

from server_bodies import FILE_SIZE
from server_process import KINDS, Client, Kind, Server, is_missing
from server_scenarios import observe
from server_site import HUGE

pytestmark = pytest.mark.servers

_UWSGI = ("-c", "import pyuwsgi; pyuwsgi.run()", "--http-socket", "{host}:{port}", "--master")
SERVERS = {
    **{name: KINDS[name] for name in ("gunicorn sync", "gunicorn gthread", "gunicorn gevent")},
    "runserver": KINDS["runserver"],
    "waitress": Kind(
        "waitress", "wsgi", ("-m", "waitress", "--host={host}", "--port={port}", "{app}")
    ),
    "uwsgi": Kind("pyuwsgi", "wsgi", (*_UWSGI, "--module", "{app}", "--die-on-term")),
}
SENDS = {"gunicorn sync", "gunicorn gthread", "uwsgi"}
"""Servers that send a real file by its descriptor. gevent and waitress read it."""
PATIENCE = 120.0
"""Seconds for a close. Waitress reads on until its main thread gets a lock that its worker holds
most of the time: ten seconds and more on a busy machine, without us too."""


@pytest.fixture(scope="module", params=SERVERS)
def running(request, tmp_path_factory):
    """The name of a server, and the server."""
    kind = SERVERS[request.param]
    if is_missing(kind):
        pytest.skip(f"{kind.module} is not installed")
    with Server(kind, net=False, folder=tmp_path_factory.mktemp("server")) as server:
        yield request.param, server


def visit(server, kind, scenario):
    path = f"/file/{kind}/{scenario}"
    return path, Client(server.address, path)


def seen(server, path, answer=b""):
    lines = server.wait_for(path, "close", patience=PATIENCE)
    return observe(lines, since=time.monotonic(), answer=answer)


@pytest.mark.parametrize("kind", ["real", "memory", "stored"])
def test_the_client_gets_all_of_it_and_it_is_completed(running, kind):
    name, server = running
    path, client = visit(server, kind, "all")
    with client:
        stream = seen(server, path, client.read_all())
    assert stream.answer.count(b"\0" if kind == "real" else b"x") >= FILE_SIZE
    assert (stream.outcome, stream.size) == ("completed", {FILE_SIZE})
    assert stream.zero_copy is (kind == "real" and name in SENDS)
    assert (stream.chunks == {0}) is stream.zero_copy


def test_a_read_that_fails_is_failed(running):
    _, server = running
    path, client = visit(server, "failing", "fails")
    with client:
        client.read_all()
    stream = seen(server, path)
    assert stream.outcome == "failed"
    assert 0 < max(stream.size) <= FILE_SIZE // 2


def test_a_client_that_leaves_midway_is_cancelled(running):
    name, server = running
    path, client = visit(server, "huge", "leaves")
    client.read_until(b"xxxx")
    client.reset()
    stream = seen(server, path)
    if name == "uwsgi":  # it reads on to the end, with and without us
        assert (stream.outcome, stream.size) == ("completed", {HUGE})
    else:
        assert stream.outcome == "cancelled"
        assert 0 < max(stream.size) < HUGE
