"""Instructions of a step, counted by valgrind: the same on a busy machine as on an idle one.

Needs valgrind. Each count is the difference between a run of many steps and one of few.
`instructions.py KIND STEPS` takes the steps themselves. Where asgiref is loaded, as in each site
on Django, a step also sees to what asgiref keeps in a Context.
"""

from __future__ import annotations

import os
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

FEW, MANY = 500, 2_500
ASGIREF = ", asgiref loaded"


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
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    valgrind.append("--cachegrind-out-file=/dev/null")
    done = subprocess.run(  # noqa: S603 - this script itself
        [*valgrind, sys.executable, str(HERE / "instructions.py"), kind, str(steps)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if found is None:
        raise RuntimeError(done.stderr)
    return int(found[1].replace(",", ""))


def of_a_step(kind: str) -> float:
    return (counted(kind, MANY) - counted(kind, FEW)) / (MANY - FEW)


def figures() -> Iterator[Figure]:
    for kind, bare, against in (
        ("step", "bare", "context.run(next)"),
        ("async step", "bare async", "pass-through `async for`"),
    ):
        basis = of_a_step(bare)
        for where in ("", ASGIREF):
            ours = of_a_step(kind + where)
            yield Figure(
                what=f"instructions of {'an' if kind[0] == 'a' else 'a'} {kind}{where}",
                found=f"{ours / basis:.2f} ({ours:,.0f} / {basis:,.0f})",
                against=against,
                ratio=ours / basis,
            )


if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind.removesuffix(ASGIREF) in KINDS:
        if kind.endswith(ASGIREF):
            import asgiref.sync  # noqa: F401
        streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
        KINDS[kind.removesuffix(ASGIREF)](int(sys.argv[2]))
    else:
        show(list(figures()), arguments(__doc__, rounds=1).json)
