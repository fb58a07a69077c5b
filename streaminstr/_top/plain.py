"""Tables in plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as plain text; columns whose name begins with `>` are aligned right."""
    titles = [column.removeprefix(">") for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    lines = [titles, ["-" * width for width in widths], *rows]
    return "\n".join(_line(columns, widths, cells) for cells in lines)


def _line(columns: Sequence[str], widths: Sequence[int], cells: Sequence[str]) -> str:
    aligned = [
        cell.rjust(width) if column.startswith(">") else cell.ljust(width)
        for column, width, cell in zip(columns, widths, cells, strict=True)
    ]
    return "  ".join(aligned).rstrip()
