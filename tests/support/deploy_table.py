"""What the tests have seen of servers that are told to stop, as a table in the documentation."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

from deploy_cells import PATIENCE
from deploy_kinds import GRACE, KINDS, TIMEOUT

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "servers.md"
BEGIN, END = "<!-- begin: deploys, by the tests -->", "<!-- end: deploys, by the tests -->"
COLUMNS = [(False, False), (False, True), (True, False), (True, True)]
"""Its own option, drain."""


def write(cells):
    """Put the table of `cells` into the page, in place of the one that is there."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join([*_head(), *(_row(cells, name) for name in KINDS)])
    PAGE.write_text(f"{before}{BEGIN}\n\n{_versions()}\n\n{table}\n\n{END}{after}")


def written():
    """The rows of the table in the page, without its head."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    return [line for line in table.splitlines() if line.startswith("|")][2:]


def _versions():
    modules = dict.fromkeys(kind.module for kind in KINDS.values())
    shown = [f"{name} {version(name)}" for name in modules if name != "django"]
    return f"Python {platform.python_version()}, Django {version('Django')}, {', '.join(shown)}."


def _head():
    columns = ["default options", "default options, `DRAIN`", "its own option", "both"]
    return [f"| server | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]


def _row(cells, name):
    option = KINDS[name].option
    named = f"{name}, `{option} {TIMEOUT}`" if option else name
    shown = [_shown(cells.get((name, *column)), option, column) for column in COLUMNS]
    return f"| {named} | {' | '.join(shown)} |"


def _shown(cell, option, column):
    if column[0] and option is None:
        return "it has none"
    if cell is None:
        return "not run: the server is not installed"
    if cell.life is None:
        return f"still there after {PATIENCE:.0f} s; lost"
    when = "at once" if cell.life < GRACE else f"after {cell.life:.0f} s"
    return "; ".join([f"ends {when}", *_words(cell)])


def _words(cell):
    yield " and ".join(cell.ends) or "lost"
    if cell.ends and not cell.cleaned_up:
        yield "body not cleaned up"
    if cell.farewell:
        yield "farewell"
    if cell.ends and not cell.clean_end:
        yield "cut"
