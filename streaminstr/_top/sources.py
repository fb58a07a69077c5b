"""Reads the table: from a directory, or by the site's settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streaminstr import _configure
from streaminstr._process.directory import Directory, defaults
from streaminstr._process.roster import Roster
from streaminstr._process.rows import Table
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

HOW = (
    'Write "ROSTER": True into STREAMINSTR in the settings of the site, or call '
    "streaminstr.configure(..., roster=True), and restart its workers."
)


_NO_WORKER = (
    "No worker writes into {}. One begins with its first stream, as the same user, with ROSTER; a "
    "service with a /tmp of its own needs a directory that both can see."
)


def of_directory(path: Path) -> Callable[[], Table]:
    """The table of a directory. Raises StreaminstrError where there is none, or a wrong one."""
    return _remarked([path], _written_in(path))


def _written_in(path: Path) -> Callable[[], Table]:
    store = Directory(path.absolute())
    store.check()
    if not path.is_dir():
        msg = f"No worker has written its streams into {path}. {HOW}"
        raise StreaminstrError(msg)
    return Roster(store).table


def of_user() -> Callable[[], Table]:
    """The table of the directories in which this user's workers write by default."""
    paths = [path for path in defaults() if path.is_dir()]
    if not paths:
        msg = f"There is no roster in {' or '.join(map(str, defaults()))}. {HOW}"
        raise StreaminstrError(msg)
    readers = [_written_in(path) for path in paths]
    return _remarked(paths, lambda: _joined(read() for read in readers))


def of_settings(name: str) -> Callable[[], Table]:
    """The table of the configuration, which `name` describes. Raises StreaminstrError."""
    roster = _configure.roster()
    if not roster.is_on:
        msg = f"{name} has no ROSTER. {HOW}"
        raise StreaminstrError(msg)
    return roster.table


def _remarked(paths: list[Path], read: Callable[[], Table]) -> Callable[[], Table]:
    """The same table; without a worker it says where it was looked for."""
    problem = _NO_WORKER.format(" or ".join(map(str, paths)))

    def remarked() -> Table:
        table = read()
        is_lost = not table.workers and not table.problem
        return replace(table, problem=problem) if is_lost else table

    return remarked


def _joined(tables: Iterable[Table]) -> Table:
    first, *others = tables
    for one in others:
        first = Table(
            rows=first.rows + one.rows,
            workers=first.workers + one.workers,
            ended=first.ended + one.ended,
            truncated={**first.truncated, **one.truncated},
            unreadable=first.unreadable + one.unreadable,
            problem=first.problem or one.problem,
        )
    return first
