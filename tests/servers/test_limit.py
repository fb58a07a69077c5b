"""LIMIT on real servers: a slot comes back, however its stream has ended."""

import time

import pytest

from server_process import KINDS, PATIENCE, Client, Server, is_missing

pytestmark = pytest.mark.servers

SERVERS = ["gunicorn gthread", "gunicorn gevent", "uvicorn h11", "hypercorn", "granian asgi"]


@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    kind = KINDS[request.param]
    if is_missing(kind):
        pytest.skip(f"{kind.module} is not installed")
    with Server(kind, net=False, folder=tmp_path, environment={"STREAMINSTR_LIMIT": "1"}) as one:
        yield one


def visit(server, body):
    kind = "async" if server.kind.protocol == "asgi" else "sync"
    return Client(server.address, f"/{kind}/{body}/x")


def is_served(server):
    """Whether a short stream is answered with 200, after a while in which it is 503."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with visit(server, "full") as client:
            if client.read_all().startswith(b"HTTP/1.1 200"):
                return True
        time.sleep(0.05)
    return False


def test_one_too_many_is_refused_until_the_other_has_left(server):
    held = visit(server, "endless")
    held.read_until(b"drip")
    with visit(server, "endless") as client:
        answer = client.read_all()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: " in answer.lower()
    held.reset()
    assert is_served(server)


def test_one_after_the_other_is_served_and_files_are_not_counted(server):
    for _ in range(3):
        assert is_served(server)
    with visit(server, "endless") as held:
        held.read_until(b"drip")
        with Client(server.address, "/file/x") as client:
            assert client.read_all().startswith(b"HTTP/1.1 200")
