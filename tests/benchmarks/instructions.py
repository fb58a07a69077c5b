"""Instructions of a step, counted by valgrind: the same on a busy machine as on an idle one.

Needs valgrind. Each count is the difference between a run of many steps and one of few.
`instructions.py KIND STEPS` takes the steps themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
from contextvars import copy_context
from itertools import repeat
from typing import TYPE_CHECKING

from bodies import NO_LOGS, Silent, async_chunks, chunks, pass_through
from environments import HERE
from figures import Figure, arguments, show
from rounds import by_hand, drain, drained

import streaminstr

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 20_000, 120_000


def bare(steps: int) -> None:
    run, body = copy_context().run, chunks(steps)
    for _ in repeat(None, steps):
        run(next, body)


KINDS = {
    "bare": bare,
    "step": lambda steps: drain(streaminstr.stream(chunks(steps)), steps),
    "bare async": lambda steps: by_hand(drained(pass_through(async_chunks(steps)), steps)),
    "async step": lambda steps: by_hand(drained(streaminstr.stream(async_chunks(steps)), steps)),
}


def counted(kind: str, steps: int) -> int:
    """Instructions of a whole run of this script."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(  # noqa: S603 - this script itself
        [*valgrind, sys.executable, str(HERE / "instructions.py"), kind, str(steps)],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(done.stderr)
    return int(found[1])


def of_a_step(kind: str) -> float:
    return (counted(kind, MANY) - counted(kind, FEW)) / (MANY - FEW)


def figures() -> Iterator[Figure]:
    ours, basis, again = of_a_step("step"), of_a_step("bare"), of_a_step("step")
    yield Figure(
        what="instructions of a step",
        found=f"{ours / basis:.2f} ({ours:,.0f} / {basis:,.0f}; counted again: {again:,.0f})",
        against="context.run(next)",
        ratio=ours / basis,
    )
    ours, basis = of_a_step("async step"), of_a_step("bare async")
    yield Figure(
        what="instructions of an async step",
        found=f"{ours / basis:.2f} ({ours:,.0f} / {basis:,.0f})",
        against="pass-through `async for`",
        ratio=ours / basis,
    )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in KINDS:
        streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
        KINDS[sys.argv[1]](int(sys.argv[2]))
    else:
        show(list(figures()), arguments(__doc__, rounds=1).json)
