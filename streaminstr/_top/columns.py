"""What is shown of a row: as much as fits into the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streaminstr.types import OpenStream

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SHORT = 10
"""Seconds under which tenths are shown."""
_NAMES_SHARE = 0.45
"""How much of the room for texts the name has, the line has the rest."""


class _Column(NamedTuple):
    title: str
    text: Callable[[OpenStream], str]
    from_width: int = 0
    """The width of the terminal from which on it is there."""
    right: bool = False


def as_time(seconds: float) -> str:
    """`0.4s`, `42s`, `3m05`, `2h10`, `4d03`."""
    whole = int(seconds)
    if seconds < _SHORT:
        return f"{seconds:.1f}s"
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}"


def as_size(number: float) -> str:
    """`512`, `1.2k`, `3.4M`, `120G`: in powers of 1000."""
    for unit in ("", "k", "M", "G"):
        if number < 1000:  # noqa: PLR2004 - as the units
            is_short = unit and number < _SHORT
            return f"{number:.1f}{unit}" if is_short else f"{number:.0f}{unit}"
        number /= 1000
    return f"{number:.0f}T"


def printable(text: str) -> str:
    """A text without what controls a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "?" for one in text)


def table(rows: Sequence[OpenStream], width: int | None) -> tuple[list[str], list[list[str]]]:
    """Titles, those of right-aligned columns with `>`, and a row of texts for each stream.

    They fit into `width` characters with two between two columns; None: all columns, uncut.
    """
    columns = [one for one in _COLUMNS if width is None or width >= one.from_width]
    titles = [f">{one.title}" if one.right else one.title for one in columns]
    cells = [[printable(one.text(row)) for one in columns] for row in rows]
    if width is not None:
        _fit(titles, cells, width)
    return titles, cells


def _fit(titles: list[str], cells: list[list[str]], width: int) -> None:
    """Cut routes and lines at their beginning: they say more at their end."""
    widths = [max(map(len, column)) for column in zip(_bare(titles), *cells, strict=True)]
    name, line = titles.index("stream"), titles.index("waits at")
    room = width - sum(widths) + widths[name] + widths[line] - 2 * (len(titles) - 1)
    for_name = max(min(widths[name], max(int(room * _NAMES_SHARE), room - widths[line])), 1)
    for_line = max(room - for_name, 1)
    for row in cells:
        row[name] = _cut(row[name], for_name)
        row[line] = _cut(row[line], for_line)


def _bare(titles: Sequence[str]) -> list[str]:
    return [title.removeprefix(">") for title in titles]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"…{text[len(text) - width + 1 :]}"


def _turn(row: OpenStream) -> str:
    return "limited" if row.limited else "draining" if row.draining else row.turn


_COLUMNS = (
    _Column("id", lambda row: row.id, 120),
    _Column("worker", lambda row: row.worker, 140),
    _Column("age", lambda row: as_time(row.age), right=True),
    _Column("idle", lambda row: as_time(row.idle), right=True),
    _Column("turn", _turn),
    _Column("chunks", lambda row: as_size(row.chunks), right=True),
    _Column("bytes", lambda row: as_size(row.bytes), right=True),
    _Column("stream", lambda row: row.route or row.name),
    _Column("waits at", lambda row: row.waits_at or (row.waits[-1] if row.waits else "")),
)
