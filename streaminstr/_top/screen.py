"""The table on a terminal, kept up to date by rich until Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from streaminstr._top.columns import table
from streaminstr._top.options import chosen, least_stall
from streaminstr._top.plain import plain
from streaminstr._top.summary import remarks, summary

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from streaminstr._process.rows import Table

_EVERY = 1.0
_HEAD = 4
"""Lines that are no rows: the summary, an empty one, the titles, and the line below them."""


def keep_up(
    asked: argparse.Namespace,
    read: Callable[[], Table],
    console: Console | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> int:
    """Show the table, and a new one each second; returns the exit code at Ctrl-C."""
    on = Console() if console is None else console
    try:
        with Live(console=on, screen=True, auto_refresh=False) as live:
            while True:
                live.update(picture(read(), asked, on), refresh=True)
                pause(_EVERY)
    except KeyboardInterrupt:
        return 0


def picture(seen: Table, asked: argparse.Namespace, console: Console) -> Group:
    """What fits on the screen."""
    rows = chosen(seen.rows, asked)
    notes = list(remarks(seen))
    room = max(console.height - _HEAD - len(notes) - 1, 1)
    shown, least = rows[:room], least_stall(asked)
    top, below, *lines = plain(*table(shown, console.width)).split("\n")
    styles = ("bold red" if row.idle >= least else "" for row in shown)
    cut = [f"... and {len(rows) - room} more"] if len(rows) > room else []
    return Group(
        *_texts([summary(seen, rows, asked)], "bold"),
        *_texts(notes, "yellow"),
        *_texts(["", top, below], "dim"),
        *(Text(line, style, no_wrap=True) for line, style in zip(lines, styles, strict=True)),
        *_texts(cut, "dim"),
    )


def _texts(lines: list[str], style: str) -> Iterator[Text]:
    return (Text(line, style, no_wrap=True, overflow="ellipsis") for line in lines)
