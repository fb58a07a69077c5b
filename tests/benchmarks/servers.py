"""Real servers on loopback: chunks in a second and processor time, with us and without.

The servers that are compared are up all the time and take turns, one request each.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from environments import HERE
from figures import Figure, show

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = {
    "uvicorn": (
        "uvicorn",
        "--log-level",
        "error",
        "--no-access-log",
        "--fd",
        "{fd}",
        "site_asgi:application",
    ),
    "gunicorn": (
        "gunicorn",
        "--log-level",
        "error",
        "--bind",
        "fd://{fd}",
        "site_wsgi:application",
    ),
}
WAYS = ("nothing", "middleware", "middleware and net")
PATHS = {"uvicorn": "/async", "gunicorn": "/sync"}
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A running server: where it listens, and the session that its processes are in."""

    port: int
    session: int

    def processor_time(self) -> float:
        """Seconds that its processes have had."""
        return sum(map(self._spent, Path("/proc").glob("[0-9]*/stat")))

    def _spent(self, stat: Path) -> float:
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            return 0.0
        session, user, system = int(fields[3]), int(fields[11]), int(fields[12])
        return (user + system) * TICK if session == self.session else 0.0


class Run(NamedTuple):
    chunks_a_second: float
    processor_time_a_chunk: float


@contextmanager
def serving(kind: str, with_us: str) -> Iterator[Server]:
    """One server, from its first answer to its end."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        fd = listening.fileno()
        command = [part.format(fd=fd) for part in COMMANDS[kind]]
        process = subprocess.Popen(  # noqa: S603 - commands of this script's own
            [sys.executable, "-m", *command],
            cwd=HERE,
            env={**os.environ, "BENCH_WITH": with_us, "PYTHONPATH": str(HERE)},
            pass_fds=[fd],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port = listening.getsockname()[1]
            read(port, f"{PATHS[kind]}?steps=100")
            yield Server(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def request_for(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def read(port: int, path: str) -> int:
    """Read one whole response; its bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request_for(path))
        total = 0
        while data := connection.recv(1 << 18):
            total += len(data)
    return total


def one_response(server: Server, path: str, chunks: int) -> Run:
    """Chunks of 64 bytes as fast as they come."""
    spent, began = server.processor_time(), time.perf_counter()
    received = read(server.port, f"{path}?steps={chunks}")
    elapsed = time.perf_counter() - began
    if received < chunks * 64:
        msg = f"only {received} bytes came"
        raise RuntimeError(msg)
    return Run(chunks / elapsed, (server.processor_time() - spent) / chunks)


def figures(what: str, bare: list[Run], ours: list[Run]) -> Iterator[Figure]:
    """Ratios of the medians: a server's run is more than the processor's work."""
    rate, basis = (median(run.chunks_a_second for run in runs) for runs in (ours, bare))
    yield Figure(
        what=f"{what}, throughput",
        found=f"{rate / basis:.3f} ({rate:,.0f} / {basis:,.0f} chunks a second)",
        against="the same without us",
        ratio=rate / basis,
    )
    cost, basis = (median(run.processor_time_a_chunk for run in runs) for runs in (ours, bare))
    yield Figure(
        what=f"{what}, processor time",
        found=f"{cost / basis:.3f} ({cost * 1e6:.2f} / {basis * 1e6:.2f} us a chunk)",
        against="the same without us",
        ratio=cost / basis,
    )


def in_turns(kind: str, passes: int, run: Any) -> dict[str, list[Run]]:
    """The runs of one server of each way to have us, which take turns."""
    with ExitStack() as stack:
        servers = {way: stack.enter_context(serving(kind, way)) for way in WAYS}
        for server in servers.values():
            run(server)  # each has met its code once
        turns = [{way: run(server) for way, server in servers.items()} for _ in range(passes)]
    return {way: [turn[way] for turn in turns] for way in WAYS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--chunks", type=int, default=300_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found: list[Figure] = []
    for kind in COMMANDS:
        runs = in_turns(
            kind, given.passes, lambda at, kind=kind: one_response(at, PATHS[kind], given.chunks)
        )
        for way in ("middleware", "middleware and net"):
            found += figures(f"{kind}, 64-byte chunks, {way}", runs["nothing"], runs[way])
    show(found, given.json)


if __name__ == "__main__":
    main()
