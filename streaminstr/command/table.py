"""A table for a person: by rich on a terminal, in plain text everywhere else."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, TextIO

from streaminstr._top.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WHOLE_WORD = 12
"""Words of up to this many characters are not broken, however narrow the terminal is."""
STYLES = {
    "completed": "green",
    "failed": "bold red",
    "cancelled": "yellow",
    "abandoned": "magenta",
    "no": "bold red",
}
"""The style in which rich shows a cell that begins with this word."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` under `columns`; those whose name begins with `>` are aligned right."""
    listed = [tuple(row) for row in rows]
    if is_pretty(sys.stdout):
        _print_rich(columns, listed)
    else:
        say(plain(columns, listed))


def say(line: object = "") -> None:
    """Print one line, for a person."""
    sys.stdout.write(f"{line}\n")


def is_pretty(out: TextIO) -> bool:
    """Whether `out` is a terminal and rich is installed."""
    return out.isatty() and find_spec("rich") is not None


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column, *cells in zip(columns, *rows, strict=True):
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        title = column.removeprefix(">")
        longest = max(map(len, " ".join((title, *cells)).split()))
        table.add_column(
            title, justify=justify, overflow="fold", min_width=min(longest, WHOLE_WORD)
        )
    for row in rows:
        table.add_row(*(Text(cell, STYLES.get(cell.split(" ")[0], "")) for cell in row))
    Console().print(table)
