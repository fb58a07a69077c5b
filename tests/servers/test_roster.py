"""The roster of real servers: one table of all workers, one host or several."""

import contextlib
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from server_process import KINDS, PATIENCE, Client, Kind, Server, is_missing
from streaminstr import _configure
from streaminstr._process.directory import Directory
from streaminstr._process.roster import Roster
from streaminstr._process.rows import name_here

pytestmark = pytest.mark.servers

GUNICORN = KINDS["gunicorn gthread"]
TWO = Kind(
    "gunicorn",
    "wsgi",
    (*GUNICORN.command[:-1], "--workers", "2", "--preload", GUNICORN.command[-1]),
)
UVICORN = KINDS["uvicorn h11"]


@pytest.fixture
def start(tmp_path):
    """A function that starts a server with a roster; all of them end with the test."""
    with contextlib.ExitStack() as running:

        def run(kind, name, roster, **environment):
            if is_missing(kind):
                pytest.skip(f"{kind.module} is not installed")
            folder = tmp_path / name
            folder.mkdir()
            more = {"SITE_ROSTER": json.dumps(roster), **environment}
            server = Server(kind, net=False, folder=folder, environment=more)
            return running.enter_context(server)

        yield run


def top(*arguments, **environment):
    """What `streaminstr top --json` says."""
    import command_runs  # noqa: PLC0415 - needs coverage

    done = command_runs.run("top", "--json", *map(str, arguments), **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def seen(read, condition, patience=PATIENCE):
    """The table, as soon as the condition holds of it."""
    deadline = time.monotonic() + patience
    while not condition(table := read()):
        assert time.monotonic() < deadline, table
        threading.Event().wait(0.1)
    return table


def visit(running, server, number):
    """A client of an endless stream, which begins."""
    kind = "async" if server.kind.protocol == "asgi" else "sync"
    client = running.enter_context(Client(server.address, f"/{kind}/endless/{number}"))
    assert b"200" in client.read_until(b"drip")
    return client


def workers(table):
    return {one["worker"] for one in table["rows"]}


def visit_both(running, server, read, number):
    """Visit until both workers have an open stream: until `number` are seen."""
    deadline = time.monotonic() + 3 * PATIENCE
    visit(running, server, 1)
    while True:
        client = visit(running, server, 1)
        with contextlib.suppress(AssertionError):
            return seen(read, lambda table: len(workers(table)) == number, patience=3)
        assert time.monotonic() < deadline
        client.reset()  # it was served by the same one


def test_two_workers_and_another_server_are_one_table(start, tmp_path):
    roster = {"DIR": str(tmp_path / "run")}
    read = lambda: top("--dir", roster["DIR"])  # noqa: E731 - as short as that
    wsgi, asgi = start(TWO, "wsgi", roster), start(UVICORN, "asgi", roster)
    with contextlib.ExitStack() as running:
        client = visit(running, asgi, 2)
        table = visit_both(running, wsgi, read, 3)
        killed = next(one for one in table["workers"] if one["pid"] != asgi.process.pid)
        os.kill(killed["pid"], signal.SIGKILL)
        seen(read, lambda table: killed["name"] not in workers(table))
        assert client.socket.fileno() > 0
    seen(read, lambda table: not table["rows"])
    assert {one["outcome"] for one in read()["ended"]} == {"cancelled"}


def test_two_workers_are_paused_and_resumed_from_another_process(start, tmp_path, monkeypatch):
    monkeypatch.setattr(_configure._state, "paused", None)  # this one is asked as well
    roster = {"DIR": str(tmp_path / "run")}
    read = lambda: top("--dir", roster["DIR"])  # noqa: E731 - as short as that
    asking = Roster(Directory(roster["DIR"]))
    server = start(TWO, "wsgi", roster)
    with contextlib.ExitStack() as running:
        before = visit_both(running, server, read, 2)
        assert {one["paused"] for one in before["workers"]} == {False}
        assert asking.send("pause", timeout=PATIENCE) == {
            name_here(): "paused",
            **dict.fromkeys(workers(before), "paused"),
        }
        table = seen(read, lambda table: all(one["paused"] for one in table["workers"]))
        visit(running, server, 3)
        assert len(read()["rows"]) == len(table["rows"])  # it has no scope
        assert set(asking.send("resume", timeout=PATIENCE).values()) == {"resumed"}
        visit(running, server, 4)
        seen(read, lambda now: len(now["rows"]) == len(table["rows"]) + 1)
    seen(read, lambda table: not table["rows"])
    assert {one["outcome"] for one in read()["ended"]} == {"cancelled"}


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_two_hosts_with_one_redis_are_one_table(start, tmp_path):
    pytest.importorskip("redis", reason="the client of Redis is not installed")
    import real_services  # noqa: PLC0415 - see above

    with real_services.redis() as port, contextlib.ExitStack() as running:
        location = f"redis://127.0.0.1:{port}"
        cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}
        roster, more = {"CACHE": "default"}, {"SITE_CACHE": json.dumps(cache)}
        hosts = [
            start(kind, name, roster, **more, XDG_RUNTIME_DIR=str(tmp_path / name))
            for kind, name in ((GUNICORN, "one"), (UVICORN, "two"))
        ]
        for server in hosts:
            visit(running, server, 1)
        site = {
            "DJANGO_SETTINGS_MODULE": "roster_settings",
            "PYTHONPATH": str(Path(real_services.__file__).parent),
        }
        read = lambda: top(**site, **more)  # noqa: E731 - as short as that
        table = seen(read, lambda table: len(workers(table)) == 2)
        assert len(table["workers"]) == 2
        hosts[1].process.kill()
        seen(read, lambda table: len(workers(table)) == 1, patience=3 * PATIENCE)
