"""Real servers in processes of their own: the sites of `server_site` and `server_asgi_site`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from record import whole_lines

HERE = Path(__file__).parent
GRACE = 1
"""Seconds that a server is told to give to open responses."""
PATIENCE = 15.0
"""Seconds after which what did not happen is taken not to happen."""
BACKENDS = ("record", "opentelemetry", "ddtrace", "log")
"""Who writes down each stream, see `server_record`."""
HOOKS = "from streaminstr.gunicorn import *\n"
"""The gunicorn.conf.py of docs/how-to/deploy.md."""


@dataclass(frozen=True)
class Kind:
    """A server: what to import to see that it is there, its protocol, its command line."""

    module: str
    protocol: str
    command: tuple[str, ...]
    takes_one: bool = False
    """Whether it serves one response at a time."""
    framework: str = "django"

    @property
    def app(self):
        """The application that is served, as `module:name`. In the outermost net: `..._net`."""
        is_django = self.framework == "django"
        return f"server_site:{self.protocol}" if is_django else f"server_asgi_site:{self.framework}"


def _gunicorn(worker, *more):
    more = ("--graceful-timeout", str(GRACE), "-c", "{config}", *more)
    return ("-m", "gunicorn", "-k", worker, "-b", "{host}:{port}", *more, "{app}")


def _uvicorn(loop, http):
    grace = ("--timeout-graceful-shutdown", str(GRACE), "--log-level", "critical")
    where = ("--host", "{host}", "--port", "{port}")
    return ("-m", "uvicorn", "--loop", loop, "--http", http, *where, *grace, "{app}")


def _granian(interface):
    where = ("--host", "{host}", "--port", "{port}", "--workers-kill-timeout", "2")
    return ("-m", "granian", "--interface", interface, *where, "{app}")


_RUNSERVER = ("--noreload", "{host}:{port}")
KINDS = {
    "gunicorn sync": Kind("gunicorn", "wsgi", _gunicorn("sync"), takes_one=True),
    "gunicorn gthread": Kind("gunicorn", "wsgi", _gunicorn("gthread", "--threads", "4")),
    "gunicorn gevent": Kind("gevent", "wsgi", _gunicorn("gevent")),
    "granian wsgi": Kind("granian", "wsgi", (*_granian("wsgi"), "--blocking-threads", "4")),
    "runserver": Kind(
        "django", "wsgi", ("-m", "server_site", "runserver", "--noreload", "{host}:{port}")
    ),
    "uvicorn h11": Kind("uvicorn", "asgi", _uvicorn("asyncio", "h11")),
    "uvicorn httptools": Kind("httptools", "asgi", _uvicorn("uvloop", "httptools")),
    "hypercorn": Kind(
        "hypercorn",
        "asgi",
        ("-m", "hypercorn", "-b", "{host}:{port}", "--graceful-timeout", str(GRACE), "{app}"),
    ),
    "daphne": Kind("daphne", "asgi", ("-m", "daphne", "-b", "{host}", "-p", "{port}", "{app}")),
    "granian asgi": Kind("granian", "asgi", _granian("asgi")),
}
"""Django's."""
FRAMEWORKS = {"starlette": "Starlette", "fastapi": "FastAPI"}
SERVERS = ("uvicorn h11", "uvicorn httptools", "hypercorn", "granian asgi")
"""Those that have the other frameworks, too."""
KINDS |= {
    f"{server}, {name}": replace(KINDS[server], framework=framework)
    for framework, name in FRAMEWORKS.items()
    for server in SERVERS
}
LONG = (
    *(f"uvicorn httptools, {name}" for name in FRAMEWORKS.values()),
    *("hypercorn, FastAPI", "granian asgi, FastAPI"),
)
"""Those that `--short` leaves out."""


def is_missing(kind):
    needed = (kind.module, kind.framework)
    return any(importlib.util.find_spec(module) is None for module in needed)


class Server:
    """A running server, and what its streams have written down."""

    def __init__(self, kind, *, net, folder, config=None, environment=None):
        self.kind = kind
        self._config = HOOKS if config is None and net else config or ""
        self._more = environment or {}
        self._net = net
        self.app = f"{kind.app}_net" if net else kind.app
        self._record = folder / "record.jsonl"
        self._record.touch()
        self._output = folder / "output.txt"
        self.address = ("127.0.0.1", _free_port())

    def __enter__(self):
        host, port = self.address
        config = self._record.with_name("gunicorn.conf.py")
        config.write_text(self._config)
        words = {"host": host, "port": port, "app": self.app, "config": config}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, *(part.format(**words) for part in self.kind.command)],
                env=self._environment(),
                cwd=self._record.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 3 * PATIENCE
        while not self._is_up():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.__exit__()
                raise AssertionError(self._output.read_text())
            time.sleep(0.05)
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # the session that we have started for it
        self.process.wait()

    def _environment(self):
        quiet = {
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "DD_TRACE_STARTUP_LOGS": "false",
            "DJANGO_RUNSERVER_HIDE_WARNING": "true",
        }
        paths = [str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        ours = {
            "STREAMINSTR_APP": self.app.partition(":")[2],
            "STREAMINSTR_RECORD": str(self._record),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        return {**os.environ, **quiet, **ours, **self._more}

    def _is_up(self):
        try:
            with Client(self.address, "/plain") as client:
                return client.read_all().startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def terminate(self):
        """Send SIGTERM; gives the moment."""
        at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return at

    def wait_for_end(self):
        """The exit status, None where the process has not ended in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(PATIENCE)

    def output(self):
        """What the server has written to its terminal."""
        return self._output.read_text()

    def lines(self, path):
        """What was written down of the stream of `path`."""
        return [line for line in whole_lines(self._record) if line["path"] == path]

    def wait_for(self, path, event, *, patience=PATIENCE):
        """The lines of a stream, as soon as each backend has written such an event."""
        deadline = time.monotonic() + patience
        while True:
            lines = self.lines(path)
            told = {line["backend"] for line in lines if line["event"] == event}
            if (
                len(told) == (len(BACKENDS) if event == "close" else 1)
                or time.monotonic() > deadline
            ):
                return lines
            time.sleep(0.02)


class Client:
    """A raw socket that has sent one request."""

    def __init__(self, address, path, *, method="GET", headers=(), buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()

    def read_until(self, wanted):
        """Read until `wanted` has come."""
        read = b""
        while wanted not in read:
            more = self.socket.recv(65536)
            if not more:
                break
            read += more
        return read

    def read_all(self):
        """Read to the end, whatever kind of end that is."""
        read = []
        with contextlib.suppress(ConnectionError):
            while more := self.socket.recv(1 << 20):
                read.append(more)
        return b"".join(read)

    def reset(self):
        """Leave by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
