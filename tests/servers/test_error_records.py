"""The error record of real servers has the ids of the stream whose body has raised."""

import json
import re
import threading
import time
from dataclasses import replace

import pytest

from server_process import KINDS, PATIENCE, Client, Server, is_missing

pytestmark = pytest.mark.servers

RECORD = re.compile(r"^ERROR (\S+) \[stream=(.*) id=(\w+) request=(\S+)\] ", re.MULTILINE)
"""As the formatter of docs/reference/logging.md writes it."""


def kind_of(name):
    """A server of the site, which writes its errors."""
    kind = KINDS[name]
    loud = (part for part in kind.command if part not in ("--log-level", "critical"))
    words = {"{app}": f"raised_site:{kind.protocol}"}
    return replace(kind, command=tuple(words.get(part, part) for part in loud))


@pytest.fixture(params=["gunicorn gthread", "uvicorn h11", "hypercorn"])
def server(request, tmp_path):
    kind = kind_of(request.param)
    if is_missing(kind):
        pytest.skip(f"{kind.module} is not installed")
    with Server(kind, net=False, folder=tmp_path) as one:
        yield one


gunicorn = pytest.mark.parametrize("server", ["gunicorn gthread"], indirect=True)


def records(server, path):
    """The error records of a visit, and the events of its stream."""
    with Client(server.address, path) as client:
        client.read_all()
    deadline = time.monotonic() + PATIENCE
    while not (found := RECORD.findall(server.output())):
        assert time.monotonic() < deadline, server.output()
        threading.Event().wait(0.05)
    lines = (line for line in server.output().split("\n") if line.startswith("{"))
    return found, [json.loads(line) for line in lines]


def test_the_traceback_has_the_ids_of_the_event(server):
    kind = "async" if server.kind.protocol == "asgi" else "sync"
    (record,), (event,) = records(server, f"/{kind}/export?n=7")
    _, name, stream_id, request_id = record
    assert (name, request_id) == (f"GET {kind}/export", "request-7")
    assert (event["streaminstr.stream_id"], event["request_id"]) == (stream_id, request_id)
    assert event["streaminstr.outcome"] == "failed"
    assert "ValueError: no price" in server.output()


@gunicorn
def test_that_of_django_has_them_too(server):
    (record,), (event,) = records(server, "/sync/early?n=8")
    assert record[:2] == ("django.request", "early")
    assert (record[2], record[3]) == (event["streaminstr.stream_id"], "request-8")
