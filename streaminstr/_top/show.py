"""Show the table: once, as JSON, or up to date on a terminal."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Protocol

from streaminstr._install import install_line
from streaminstr._top.columns import table
from streaminstr._top.options import chosen, least_stall
from streaminstr._top.plain import plain
from streaminstr._top.summary import remarks, summary

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streaminstr._process.rows import Table
    from streaminstr.types import OpenStream

    Read = Callable[[], Table]


class Out(Protocol):
    """What is written on: stdout, or what Django stands in for it."""

    def write(self, text: str, /) -> object: ...
    def isatty(self) -> bool: ...


_FOUND = 1
"""The exit code where a stream has stalled."""


def show(asked: argparse.Namespace, read: Read, out: Out | None = None) -> int:
    """Show what is asked for on `out`, by default stdout; returns the exit code."""
    out = sys.stdout if out is None else out
    is_once = asked.json or asked.once or asked.log or asked.fail_if_stalled is not None
    if not is_once and out.isatty():
        if find_spec("rich") is not None:
            from streaminstr._top.screen import keep_up  # noqa: PLC0415 - an extra

            return keep_up(asked, read)
        sys.stderr.write(f"To see it live, install rich: {install_line('streaminstr[top]')}\n")
    seen = read()
    rows = chosen(seen.rows, asked)
    if asked.json:
        out.write(f"{json.dumps(_as_json(seen, rows))}\n")
    else:
        width = get_terminal_size().columns if out.isatty() else None
        out.write("\n".join((*_in_words(seen, rows, asked, width), "")))
    has_stalled = any(row.idle >= least_stall(asked) for row in rows)
    return _FOUND if asked.fail_if_stalled is not None and has_stalled else 0


def _in_words(
    seen: Table, rows: Sequence[OpenStream], asked: argparse.Namespace, width: int | None
) -> Iterator[str]:
    yield summary(seen, rows, asked)
    yield from remarks(seen)
    if rows:
        yield ""
        yield plain(*table(rows, width))


def _as_json(seen: Table, rows: Sequence[OpenStream]) -> dict[str, Any]:
    return {
        "rows": [_plain(row) for row in rows],
        "workers": [_plain(worker) for worker in seen.workers],
        "ended": [_plain(one) for one in seen.ended],
        "truncated": dict(seen.truncated),
        "unreadable": seen.unreadable,
        "problem": seen.problem,
    }


def _plain(row: Any) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in type(row).__dataclass_fields__} | (
        {"rates": dict(row.rates)} if hasattr(row, "rates") else {}
    )
