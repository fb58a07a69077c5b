"""Many event streams in one uvicorn: processor time a chunk, with us and without, in both forms.

    python tests/benchmarks/crowd.py

Where the compiled step is installed, its servers take turns with the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from figures import Figure, show
from servers import WAYS, Server, crowd, serving

from streaminstr._speedups import compiled

FORMS = {"plain": "1", "compiled": "0"}
"""What STREAMINSTR_PURE is in the servers of each form."""
BUDGETS = {"plain": "1.3", "compiled": "1.08"}


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
