"""The page under ROSTER: the streams of another process, and its button."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.test import override_settings

import page_people
from streaminstr import _configure
from streaminstr._process.rows import name_here
from streaminstr.testing import RecordingBackend

PROCESS = Path(page_people.__file__).with_name("roster_process.py")


@pytest.fixture
def how():
    """More that the other process is started with."""
    return ()


@pytest.fixture
def other(tmp_path, how, monkeypatch):
    """Another process with one open stream, in the same roster as the page."""
    monkeypatch.setattr(_configure._state, "paused", None)
    path = tmp_path / "run"
    setting = {"BACKEND": RecordingBackend(), "ROSTER": {"DIR": str(path)}}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        override_settings(STREAMINSTR=setting),
        subprocess.Popen([sys.executable, PROCESS, path, *how], text=True, **pipes) as process,  # noqa: S603
    ):
        yield process
        process.kill()


def seen(client, path, text):
    """The answer, as soon as it has the text."""
    deadline = time.monotonic() + 30
    while text not in (content := client.get(path).content.decode()):
        assert time.monotonic() < deadline, content
        threading.Event().wait(0.05)
    return content


def test_its_stream_is_seen_and_closed(operator, other):
    id_ = other.stdout.readline().strip()
    assert "This is <strong>one process</strong>" not in seen(operator, "/streams/", id_)
    seen(operator, f"/streams/{id_}/", "orders.export")
    answer = operator.post(f"/streams/{id_}/close/", {"reason": "stuck"})
    assert (answer.status_code, b"<h1>Closed</h1>" in answer.content) == (200, True), answer.content
    assert other.stdout.readline().strip() == "cancelled server stuck"
    seen(operator, "/streams/", "stuck")


def how_a_new_stream_ends(process):
    """What the other process tells of a stream that it makes now; empty without a scope."""
    process.stdin.write("visit\n")
    process.stdin.flush()
    line = process.stdout.readline().strip()
    return line if line == "visited" else f"{line} {process.stdout.readline().strip()}"


def test_all_are_paused_and_resumed(operator, other):
    id_ = other.stdout.readline().strip()
    seen(operator, "/streams/", id_)
    answer = operator.post("/streams/pause/")
    text = answer.content.decode()
    assert (answer.status_code, "<h1>Paused</h1>" in text) == (200, True), text
    assert f":{other.pid}" in text
    assert name_here() in text
    assert "in 2 of 2 workers" in seen(operator, "/streams/", 'id="paused"')
    assert how_a_new_stream_ends(other) == "visited"
    answer = operator.post("/streams/resume/")
    assert (answer.status_code, b"<h1>Resumed</h1>" in answer.content) == (200, True)
    assert how_a_new_stream_ends(other) == "completed None None visited"
    operator.post(f"/streams/{id_}/close/")
    assert other.stdout.readline().startswith("cancelled server")  # it has finished as it began


@pytest.mark.parametrize("how", [("paused",)])
def test_one_that_has_begun_paused_is_resumed(operator, other):
    id_ = other.stdout.readline().strip()
    text = seen(operator, "/streams/", id_)
    assert "in 1 of 2 workers" in text
    assert f"Not paused: {name_here()}." in text
    assert operator.post("/streams/resume/").status_code == 200
    assert how_a_new_stream_ends(other) == "completed None None visited"
    seen(operator, "/streams/", id_)
