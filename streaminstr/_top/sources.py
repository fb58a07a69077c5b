"""Where the table comes from: a directory, or the site's settings."""

from __future__ import annotations

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


def of_directory(path: Path) -> Callable[[], Table]:
    """The table of a directory. Raises StreaminstrError where there is none, or a wrong one."""
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
    readers = [of_directory(path) for path in paths]
    return lambda: _joined(read() for read in readers)


def of_settings(name: str) -> Callable[[], Table]:
    """The table of the configuration, which `name` describes. Raises StreaminstrError."""
    roster = _configure.roster()
    if not roster.is_on:
        msg = f"{name} has no ROSTER. {HOW}"
        raise StreaminstrError(msg)
    return roster.table


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
