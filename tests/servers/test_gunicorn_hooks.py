"""gunicorn with `streaminstr.gunicorn`: no stream is lost as its workers stop, of whatever kind."""

import os
import signal
import time
from pathlib import Path

import pytest

from server_process import BACKENDS, HOOKS, PATIENCE, Client, Kind, Server, is_missing

pytestmark = pytest.mark.servers

MODULES = {
    "sync": "gunicorn",
    "gthread": "gunicorn",
    "gevent": "gevent",
    "asgi": "gunicorn.asgi",
    "uvicorn.workers.UvicornWorker": "uvicorn",
}
WORKERS = pytest.mark.parametrize("worker", MODULES)
RECYCLED = pytest.mark.parametrize("worker", [one for one in MODULES if "." not in one])
"""uvicorn's worker counts requests itself, and calls no hook."""
BY_HAND = """
import streaminstr.gunicorn

def post_worker_init(worker):
    worker.log.warning("own post_worker_init")

def worker_exit(server, worker):
    worker.log.warning("own worker_exit")

streaminstr.gunicorn.install(globals())
"""


@pytest.fixture
def gunicorn(tmp_path):
    """A function that makes a server: a context manager."""

    def make(worker, *options, graceful=3, grace=None, config=HOOKS):
        is_asgi = worker not in {"sync", "gthread", "gevent"}
        kind = Kind(
            MODULES[worker],
            "asgi" if is_asgi else "wsgi",
            (
                *("-m", "gunicorn", "-k", worker, "-b", "{host}:{port}", "--threads", "4"),
                *("--graceful-timeout", str(graceful), "-c", "{config}", *options, "{app}"),
            ),
        )
        if is_missing(kind):
            pytest.skip(f"{kind.module} is not installed")
        environment = {} if grace is None else {"STREAMINSTR_GRACE": str(grace)}
        return Server(kind, net=False, folder=tmp_path, config=config, environment=environment)

    return make


def visit(server, body, scenario="x"):
    path = f"/{'async' if server.kind.protocol == 'asgi' else 'sync'}/{body}/{scenario}"
    client = Client(server.address, path)
    client.begun = client.read_until(b"first" if body == "polite" else b"drip")
    assert client.begun.startswith(b"HTTP/1.1 200")
    return path, client


def last_words(client):
    """What the polite body says before it ends by itself."""
    return b"last" in client.begun or b"last" in client.read_until(b"last")


def endings(server, path):
    """How the stream of `path` ended, by backend; exactly one close of each."""
    lines = [line for line in server.wait_for(path, "close") if line["event"] == "close"]
    ends = {line["backend"]: (line["outcome"], line.get("cancelled_by")) for line in lines}
    assert len(lines) == len(ends)
    return ends


def of_all(outcome, cancelled_by=None):
    return dict.fromkeys(BACKENDS, (outcome, cancelled_by))


def worker_of(server):
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    (worker,) = children.read_text().split()
    return int(worker)


@WORKERS
def test_without_a_drain_what_is_open_is_closed_before_the_grace_of_gunicorn_is_over(
    worker, gunicorn
):
    with gunicorn(worker, graceful=2) as server:
        path, client = visit(server, "endless")
        with client:
            server.terminate()
            assert endings(server, path) == of_all("cancelled", "server")
        assert server.wait_for_end() == 0
        assert "SIGKILL" not in server.output()


@WORKERS
def test_a_drain_tells_the_bodies(worker, gunicorn):
    with gunicorn(worker, graceful=20, grace=10) as server:
        path, client = visit(server, "polite")
        with client:
            server.terminate()
            assert last_words(client)
            assert endings(server, path) == of_all("completed")
        assert server.wait_for_end() == 0


@WORKERS
def test_after_the_grace_of_the_drain_what_is_open_is_closed(worker, gunicorn):
    with gunicorn(worker, graceful=30, grace=1) as server:
        path, client = visit(server, "endless")
        with client:
            server.terminate()
            assert endings(server, path) == of_all("cancelled", "server")
        assert server.wait_for_end() == 0


@RECYCLED
def test_a_worker_that_is_replaced_drains_and_still_serves_its_last_request(worker, gunicorn):
    """The first request is that of the test's, to see whether the server is up."""
    with gunicorn(worker, "--max-requests", "2", graceful=20, grace=10) as server:
        path, client = visit(server, "polite", "sse")
        with client:
            assert last_words(client)
            assert endings(server, path) == of_all("completed")


@RECYCLED
def test_a_worker_that_is_replaced_closes_what_is_open_after_the_grace(worker, gunicorn):
    with gunicorn(worker, "--max-requests", "2", graceful=20, grace=1) as server:
        path, client = visit(server, "endless")
        with client:
            assert endings(server, path) == of_all("cancelled", "server")


@pytest.mark.parametrize("worker", ["gthread", "asgi", "gevent"])
def test_with_preload_too(worker, gunicorn):
    with gunicorn(worker, "--preload", graceful=20, grace=10) as server:
        path, client = visit(server, "polite")
        with client:
            server.terminate()
            assert last_words(client)
            assert endings(server, path) == of_all("completed")
        assert server.wait_for_end() == 0


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent", "asgi"])
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGABRT])
def test_a_worker_that_has_to_stop_at_once_closes_what_is_open(worker, number, gunicorn):
    with gunicorn(worker) as server:
        path, client = visit(server, "endless")
        with client:
            os.kill(worker_of(server), number)
            # gevent's handler of SIGABRT ends the greenlets itself, before or after ours.
            is_by_gevent = (worker, number) == ("gevent", signal.SIGABRT)
            causes = (None, "server") if is_by_gevent else ("server",)
            assert endings(server, path) in [of_all("cancelled", by) for by in causes]


def test_as_an_import_without_a_file(gunicorn):
    with gunicorn("gthread", "-c", "python:streaminstr.gunicorn", graceful=2) as server:
        path, client = visit(server, "endless")
        with client:
            server.terminate()
            assert endings(server, path) == of_all("cancelled", "server")


def test_hooks_of_the_sites_own_file_are_called_too(gunicorn):
    with gunicorn("gthread", graceful=2, config=BY_HAND) as server:
        path, client = visit(server, "endless")
        with client:
            server.terminate()
            assert endings(server, path) == of_all("cancelled", "server")
        server.wait_for_end()
        assert "own post_worker_init" in server.output()
        assert "own worker_exit" in server.output()


def test_a_grace_that_is_longer_than_gunicorns_is_said_at_the_start(gunicorn):
    with gunicorn("gthread", graceful=2, grace=10) as server:
        deadline = time.monotonic() + PATIENCE
        while "streaminstr.W006" not in server.output() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "streaminstr.W006" in server.output()
        path, client = visit(server, "endless")
        with client:
            server.terminate()
            assert endings(server, path) == of_all("cancelled", "server")
