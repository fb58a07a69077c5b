"""Many event streams in one uvicorn: processor time a chunk, with us and without, in both forms.

    python tests/benchmarks/crowd.py

Where the compiled step is installed, its servers take turns with the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from figures import Figure, show
from servers import WAYS, Run, Server, request_for, serving

from streaminstr._speedups import compiled

FORMS = {"plain": "1", "compiled": "0"}
"""What STREAMINSTR_PURE is in the servers of each form."""
BUDGETS = {"plain": "1.3", "compiled": "1.08"}
EVENT = b"data: "


class Listener(asyncio.Protocol):
    """One client of server-sent events. All of them share one count."""

    def __init__(self, counted: list[int]) -> None:
        self.counted = counted

    def connection_made(self, transport: Any) -> None:
        transport.write(request_for("/events"))

    def data_received(self, data: bytes) -> None:
        self.counted[0] += data.count(EVENT)


async def crowd(server: Server, streams: int, seconds: float) -> Run:
    """Many open streams at ten chunks a second each."""
    loop = asyncio.get_running_loop()
    counted = [0]
    connections = []
    for _ in range(streams):
        transport, _ = await loop.create_connection(
            lambda: Listener(counted), "127.0.0.1", server.port
        )
        connections.append(transport)
    for _ in range(1_000):
        if counted[0] >= 2 * streams:  # the first requests have been answered
            break
        await asyncio.sleep(0.1)
    began, spent, before = time.perf_counter(), server.processor_time(), counted[0]
    await asyncio.sleep(seconds)
    chunks = counted[0] - before
    run = Run(
        chunks / (time.perf_counter() - began), (server.processor_time() - spent) / max(chunks, 1)
    )
    for transport in connections:
        transport.abort()
    await asyncio.sleep(2)  # the server closes its ends
    return run


def servers_of(stack: ExitStack) -> dict[str, Server]:
    """A server without us, and one for each way to have us in each form, all up."""
    bare, *ways = WAYS
    servers = {bare: stack.enter_context(serving("uvicorn", bare))}
    for form, pure in FORMS.items():
        if form == "plain" or compiled is not None:
            os.environ["STREAMINSTR_PURE"] = pure
            for way in ways:
                servers[f"{way}, {form}"] = stack.enter_context(serving("uvicorn", way))
    return servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with ExitStack() as stack:
        servers = servers_of(stack)
        for server in servers.values():
            asyncio.run(crowd(server, 100, 0.0))  # each has met its code once
        turns = [
            {
                name: asyncio.run(crowd(server, given.streams, given.seconds))
                for name, server in servers.items()
            }
            for _ in range(given.passes)
        ]
    costs = {name: median(turn[name].processor_time_a_chunk for turn in turns) for name in servers}
    basis = costs.pop(WAYS[0])
    figures = [
        Figure(
            what=f"{given.streams:,} streams at 10 chunks a second, {name}",
            found=f"{cost / basis:.3f} ({cost * 1e6:.2f} / {basis * 1e6:.2f} us a chunk)",
            against="the same without us",
            budget=BUDGETS[name.rpartition(", ")[2]],
            ratio=cost / basis,
        )
        for name, cost in costs.items()
    ]
    show(figures, given.json)


if __name__ == "__main__":
    main()
