"""Servers that have no row in docs/reference/servers.md, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from real_services import BOUNDED, free_port
from record import whole_lines
from server_process import PATIENCE, Client

HERE = Path(__file__).parent
DATE = re.compile(rb"(?i)^date:.*\r\n", re.MULTILINE)
SOME = 1024
"""The most bytes that are read at once, so that a client can leave in the midst of a file."""
ALARM = re.compile("error|exception|traceback|warning", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """The protocol, the command line, and the streams that it can serve."""

    protocol: str
    command: tuple[str, ...]
    streams: tuple[str, ...]


def _gunicorn(worker, app, *more):
    return ("-m", "gunicorn", "-k", worker, "-b", "{host}:{port}", *more, app)


WSGI_APP, ASGI_APP = "real_server_site:wsgi", "real_server_site:asgi"
SMALL_BUFFER = ("--outbuf-high-watermark=65536",)
UWSGI = ("--http-socket", "{host}:{port}", "--module", WSGI_APP, "--enable-threads")
KINDS = {
    "waitress": Kind(
        "wsgi",
        ("-m", "waitress", "--host={host}", "--port={port}", *SMALL_BUFFER, WSGI_APP),
        ("stream", "file"),
    ),
    "cheroot": Kind(
        "wsgi", ("-m", "cheroot", "--bind", "{host}:{port}", WSGI_APP), ("stream", "file")
    ),
    "uwsgi": Kind(
        "wsgi",
        ("-c", "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])", *UWSGI, "--need-app"),
        ("stream", "file"),
    ),
    "gunicorn gthread": Kind("wsgi", _gunicorn("gthread", WSGI_APP, "--threads", "4"), ("file",)),
    "gunicorn asgi": Kind("asgi", _gunicorn("asgi", ASGI_APP), ("async",)),
    "hypercorn trio": Kind(
        "asgi",
        ("-m", "hypercorn", "-k", "trio", "-b", "{host}:{port}", "real_server_trio:asgi"),
        ("async", "group"),
    ),
}


class RealServer:
    """A server that runs the site, and what was written down of it."""

    def __init__(self, kind, folder):
        self._kind = kind
        self._record = folder / "record.jsonl"
        self._record.touch()
        self._output = folder / "output.txt"
        self._address = ("127.0.0.1", free_port())

    def __enter__(self):
        host, port = self._address
        command = [part.format(host=host, port=port) for part in self._kind.command]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [*BOUNDED, sys.executable, *command],
                env={**os.environ, **self._environment()},
                cwd=self._record.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_up()
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # the session that was started for it
        self._process.wait()

    def _environment(self):
        paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(paths), "STREAMINSTR_RECORD": str(self._record)}

    def _wait_until_up(self):
        deadline = time.monotonic() + 2 * PATIENCE
        while not self._is_up():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.__exit__()
                raise AssertionError(self._output.read_text())
            time.sleep(0.05)

    def _is_up(self):
        with contextlib.suppress(OSError), Client(self._address, "/plain/page") as client:
            return b"page" in client.read_all()
        return False

    def visit(self, path, ending):
        """The response, for a client that leaves in the midst of it if `ending` says so."""
        some = b"xx" if "/file/" in path else b"1\n"
        end, read = some if ending == "leaves" else b"\r\n0\r\n\r\n", bytearray()
        with Client(self._address, path) as client, contextlib.suppress(ConnectionError):
            while end not in read[-SOME:] and (more := client.socket.recv(SOME)):
                read += more
        return DATE.sub(b"", bytes(read))

    def written(self, path, what):
        """What was written down of that path, as soon as it was; None where it never is."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if values := self.all_written(path, what):
                return values[0]
            time.sleep(0.02)
        return None

    def all_written(self, path, what):
        return [line[2] for line in whole_lines(self._record) if line[:2] == [path, what]]

    def alarms(self):
        """How many lines of its output speak of trouble."""
        return sum(map(bool, map(ALARM.search, self._output.read_text().splitlines())))


@dataclass(frozen=True)
class Both:
    """What was seen of one program of a server, without us and with us."""

    plain: bytes
    ours: bytes
    cleaned: tuple
    outcome: str
    scopes: tuple
    """How many were started and how many closed."""
    parent: str
    """The path of the request that the stream started in."""
    size: int | None
    """The bytes that the stream counted."""
    read: int | None
    """The bytes that the server read of a file."""
    alarms: tuple


def visit_both(server, stream, ending):
    plain, ours = (f"/{who}/{stream}/{ending}" for who in ("plain", "ours"))
    counts = [server.alarms()]
    responses = []
    for path in (plain, ours):
        responses.append(server.visit(path, ending))
        server.written(path, "body")
        counts.append(server.alarms())
    outcome = server.written(ours, "outcome")
    return Both(
        *responses,
        cleaned=(server.written(plain, "body"), server.written(ours, "body")),
        outcome=outcome,
        scopes=tuple(len(server.all_written(ours, what)) for what in ("parent", "outcome")),
        parent=server.written(ours, "parent"),
        size=server.written(ours, "bytes"),
        read=server.written(ours, "read") if stream == "file" else None,
        alarms=(counts[1] - counts[0], counts[2] - counts[1]),
    )
