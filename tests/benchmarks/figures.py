"""What a script has found: shown as a Markdown table, and kept as JSON for `run_all.py`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INNERMOST = 2


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of a table."""

    what: str
    found: str
    """As shown."""
    against: str = ""
    """What it is measured against, in the same run."""
    budget: str = ""
    ratio: float | None = None
    """To what it is measured against; for the plot."""
    added: float | None = None
    """Nanoseconds on top of what it is measured against."""
    group: str = ""


def compared(
    what: str, cost: float, basis: float, against: str, *, budget: str = "", group: str = ""
) -> Figure:
    """A cost in nanoseconds beside that of what it is measured against."""
    ratio = cost / basis
    return Figure(
        what=what,
        found=f"{ratio:.2f} ({shown(cost)} / {shown(basis)})",
        against=against,
        budget=budget,
        ratio=ratio,
        added=cost - basis,
        group=group,
    )


def shown(nanoseconds: float) -> str:
    """`44 ns`, `1.2 us`."""
    if abs(nanoseconds) < 1000:
        return f"{nanoseconds:.0f} ns"
    if abs(nanoseconds) < 1_000_000:
        return f"{nanoseconds / 1000:.1f} us"
    return f"{nanoseconds / 1_000_000:.1f} ms"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def say(text: str) -> None:
    """Print at once, also where the output is a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show(figures: Sequence[Figure], json_file: Path | None) -> None:
    """Print the table of a script, and keep it where `--json` says."""
    python = ".".join(map(str, sys.version_info[:INNERMOST]))
    header = ["what", "against", f"Python {python}", "budget"]
    say(markdown(header, [[f.what, f.against, f.found, f.budget] for f in figures]))
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))


def arguments(description: str, *, rounds: int) -> argparse.Namespace:
    """`--rounds` and `--json`, which every script takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()
