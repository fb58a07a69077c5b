"""The page under ROSTER: the streams of another process, and its button."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.test import override_settings

import page_people
from streaminstr.testing import RecordingBackend

PROCESS = Path(page_people.__file__).with_name("roster_process.py")


@pytest.fixture
def other(tmp_path):
    """Another process with one open stream, in the same roster as the page."""
    path = tmp_path / "run"
    setting = {"BACKEND": RecordingBackend(), "ROSTER": {"DIR": str(path)}}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        override_settings(STREAMINSTR=setting),
        subprocess.Popen([sys.executable, PROCESS, path], text=True, **pipes) as process,  # noqa: S603
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
