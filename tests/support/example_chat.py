"""The example project of docs/examples/chat, as a user starts it: in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from http.client import HTTPConnection

import documents
from wire_agent import free_ports, until

SOURCE = documents.ROOT / "docs/examples/chat"
COMMANDS = {
    "django": ("manage.py", "runserver", "--noreload", "{address}"),
    "uvicorn": ("-m", "uvicorn", "chat.asgi:application", "--port", "{port}"),
    "gunicorn": (
        *("-m", "gunicorn", "-c", "python:streaminstr.gunicorn", "-k", "gthread"),
        *("--threads", "4", "-b", "{address}", "chat.wsgi"),
    ),
}
"""By the module that each needs, as its README has them."""
OURS = ("DD_", "OTEL_", "CHAT_", "DJANGO_", "PYTEST_")


def copy_to(folder):
    """The project, in a folder where nothing else is."""
    return shutil.copytree(SOURCE, folder / "chat")


def environment(**more):
    """That of a process that knows nothing of the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**clean, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def served(server, folder, **more):
    """The site, up; ended by SIGTERM."""
    project, (port,) = copy_to(folder), free_ports(1)
    words = (word.format(port=port, address=f"127.0.0.1:{port}") for word in COMMANDS[server])
    site = Site(port, folder / "log")
    with (
        site.log.open("w") as log,
        subprocess.Popen(  # noqa: S603 - the project's own command
            [sys.executable, *words],
            cwd=project,
            env=environment(**more),
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            until(lambda: site.is_ready() or process.poll() is not None)
            assert process.poll() is None, site.log.read_text()
            yield site
        finally:
            process.terminate()


class Site:
    """What a browser does, and what the server logs."""

    def __init__(self, port, log):
        self.port, self.log = port, log

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.address}/health/ready/", timeout=5):  # noqa: S310
                return True
        except OSError:
            return False

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def events(self, question):
        """The events of an answer, as they come."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", f"/answer/?q={question}")
        with connection.getresponse() as response:
            for line in response:
                if line.strip():
                    yield line.decode().strip()
        connection.close()

    def closed(self, stream):
        """The closing line of a stream, once it is there."""
        return until(lambda: next(filter(lambda line: _closes(line, stream), self._lines()), None))

    def _lines(self):
        return self.log.read_text().splitlines()


def _closes(line, stream):
    return "stream_closed" in line and f"stream='{stream}'" in line
