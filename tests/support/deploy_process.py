"""A server in a process of its own, with the site of `deploy_site`: started, stopped, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from record import whole_lines
from server_process import Client

HERE = Path(__file__).parent
TO_START = 60.0
"""Seconds after which a server that is not up is taken not to come up."""
_LOOK_AGAIN = 0.05


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server. `grace` is that of the drain, None for none; `vendor` gets its spans."""

    def __init__(self, kind, command, *, grace, record, vendor=None):
        self.kind = kind
        self._vendor = vendor or {}
        self._command = command
        self._grace = grace
        self._record = record
        self.address = ("127.0.0.1", free_port())
        self._output = record.with_name(f"output-{self.address[1]}.txt")

    def start(self):
        host, port = self.address
        words = {"host": host, "port": port, "app": f"deploy_site:{self.kind.protocol}"}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, *(part.format(**words) for part in self._command)],
                env=self._environment(),
                cwd=self._record.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + TO_START
        while not self.is_up():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.kill()
                raise AssertionError(self.output)
            time.sleep(0.1)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.kill()

    def _environment(self):
        paths = [str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        grace = "" if self._grace is None else str(self._grace)
        ours = {"DEPLOY_RECORD": str(self._record), "DEPLOY_GRACE": grace}
        return {
            **os.environ,
            **self._vendor,
            **ours,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }

    def is_up(self):
        try:
            with Client(self.address, "/plain") as client:
                return client.read_all().startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def terminate(self):
        """Send SIGTERM to the process that was started, as a supervisor does."""
        self.terminated = time.monotonic()
        self.process.send_signal(signal.SIGTERM)

    def wait_for_end(self, patience):
        """Seconds from SIGTERM to the end of the last of its processes; None: not in time."""
        deadline = time.monotonic() + patience
        while self.process.poll() is None or _members(self.process.pid):
            if time.monotonic() > deadline:
                return None
            time.sleep(_LOOK_AGAIN)
        return time.monotonic() - self.terminated

    def kill(self):
        """End by SIGKILL what is left of the session that was started for it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def killed_its_own(self):
        """Whether it says that it killed a process of its own."""
        return "Killing worker" in self.output or "SIGKILL" in self.output

    @property
    def output(self):
        return self._output.read_text(errors="replace")

    def lines(self, path=None):
        """What was written down of the stream of `path`, or of all of them."""
        if not self._record.exists():
            return []
        return [one for one in whole_lines(self._record) if path in (None, one["path"])]


def _members(group):
    """The processes of a group that have not ended; one that waits for its parent has."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = file.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(file.parent.name))
    return found
