"""Two thousand open streams on one uvicorn process, a third of the clients leaving at random.

    python tests/servers/soak.py [--streams 2000] [--seconds 90] [--plain]

A client that is done, or has left, is followed by another, so that the number stays the same. Each
stream lasts thirty seconds, with ten chunks. At the end every stream that was started
must have been closed, once, by each of four backends, and the memory must not have grown.
Prints its figures, and exits with 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from record import whole_lines
from server_process import BACKENDS, KINDS, Server

MEBIBYTE = 1024 * 1024
GROWTH = 0.05
"""How much the memory may grow from the first third of the measured time to the last."""
LIFE = 30
"""Seconds from the first chunk of a stream to its end."""
WARM_UP = 45
"""Seconds that do not count: the clients are still coming, and the first of them ends."""


async def visit(address, number, tally):
    """One client: reads to the end, or leaves at a random moment."""
    leaves = random.random() < 1 / 3  # noqa: S311 - nothing here is secret
    patience = random.uniform(0, LIFE) if leaves else 3 * LIFE  # noqa: S311
    try:
        reader, writer = await asyncio.open_connection(*address)
        request = (
            f"GET /async/events/{number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
    except OSError:
        tally["refused"] += 1
        return
    with contextlib.suppress(OSError):
        try:
            async with asyncio.timeout(patience):
                while await reader.read(4096):
                    pass
            tally["read to the end"] += 1
        except TimeoutError:
            tally["left"] += 1
        writer.transport.abort() if leaves else writer.close()


async def keep_visiting(address, until, numbers, tally):
    await asyncio.sleep(random.uniform(0, LIFE / 2))  # noqa: S311 - they do not come all at once
    while time.monotonic() < until:
        await visit(address, next(numbers), tally)


async def measure(pid, until, sizes, sockets):
    """The server's resident memory in MiB and its open sockets, every second."""
    page = resource.getpagesize() / MEBIBYTE
    process = Path("/proc") / str(pid)
    while time.monotonic() < until:
        sizes.append(int(process.joinpath("statm").read_text().split()[1]) * page)
        sockets.append(len(os.listdir(process / "fd")))  # noqa: PTH208
        await asyncio.sleep(1)


async def soak(server, streams, seconds):
    tally, sizes, sockets, numbers = Counter(), [], [], count(1)
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(measure(server.process.pid, until, sizes, sockets))
        for _ in range(streams):
            group.create_task(keep_visiting(server.address, until, numbers, tally))
    return tally, sizes, sockets


def endings(record):
    """How often each stream was started and closed, by backend."""
    started, closed, outcomes = Counter(), {name: Counter() for name in BACKENDS}, Counter()
    for line in whole_lines(record):
        if "/events/" not in line["path"]:
            continue
        if line["event"] == "start":
            started[line["path"]] += 1
        else:
            closed[line["backend"]][line["path"]] += 1
            if line["backend"] == "record":
                outcomes[line["outcome"], line.get("cancelled_by")] += 1
    return started, closed, outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--plain", action="store_true", help="without the outermost net")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        kind = KINDS["uvicorn httptools"]
        with Server(kind, net=not options.plain, folder=Path(folder)) as server:
            tally, sizes, sockets = asyncio.run(soak(server, options.streams, options.seconds))
            time.sleep(2)  # for the last of those who left
        started, closed, outcomes = endings(Path(folder) / "record.jsonl")
    warm = sizes[WARM_UP:]
    third = len(warm) // 3
    before, after = statistics.mean(warm[:third]), statistics.mean(warm[-third:])
    say = sys.stdout.write
    say(f"clients: {dict(tally)}; most sockets at once: {max(sockets)}\n")
    say(f"streams started: {len(started)}; outcomes: {dict(outcomes)}\n")
    say(f"memory in MiB, every ten seconds: {[round(size) for size in sizes[::10]]}\n")
    say(f"memory: {before:.1f} MiB, then {after:.1f} MiB ({after / before - 1:+.1%})\n")
    once = set(started.values()) == {1} and all(closes == started for closes in closed.values())
    say("each closed once, by each backend\n" if once else f"NOT each once: {closed}"[:2000])
    return 0 if once and after / before - 1 < GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
