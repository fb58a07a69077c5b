"""Writes the tables of docs/compatibility.md from what `nox` runs and pyproject.toml allows.

    python tests/support/version_table.py

tests/docs/test_project.py compares the page with them.
"""

from __future__ import annotations

import functools
import runpy
import tomllib

import documents

PAGE = documents.ROOT / "docs/compatibility.md"
BEGIN = "<!-- The tables below are written by tests/support/version_table.py. -->\n"
END = "<!-- The tables above. -->\n"
SHOWN = {
    "django": "Django",
    "starlette": "Starlette",
    "opentelemetry-api": "OpenTelemetry API",
    "ddtrace": "ddtrace",
    "structlog": "structlog",
}
"""The libraries of the extras, in the order of the table."""


@functools.cache
def noxfile() -> dict:
    """The names in noxfile.py, which can be run once in a process."""
    return runpy.run_path(str(documents.ROOT / "noxfile.py"))


def tables() -> str:
    """Both tables."""
    return f"\n{frameworks(noxfile())}\n{libraries(noxfile())}\n"


def frameworks(names: dict) -> str:
    """Which Python is run with which Django: the matrix of `nox -s tests`."""
    pairs = {tuple(param.args) for param in names["MATRIX"]}
    lines = [
        f"| Python | {' | '.join(f'Django {django}' for django in names['DJANGOS'])} |",
        f"|---|{'---|' * len(names['DJANGOS'])}",
    ]
    for python in names["PYTHONS"]:
        cells = ("yes" if (python, django) in pairs else "" for django in names["DJANGOS"])
        lines.append(f"| {python} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def libraries(names: dict) -> str:
    """What pyproject.toml allows, and the oldest versions, which `nox -s lowest` installs."""
    project = tomllib.loads((documents.ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    lowest = dict(one.split("==") for one in names["LOWEST"])
    lines = ["| library | allowed | oldest that is tested |", "|---|---|---|"]
    for name, title in SHOWN.items():
        allowed = next(one for one in extras if one.startswith(f"{name}>"))
        lines.append(f"| {title} | `{allowed.removeprefix(name)}` | {lowest.get(name, '')} |")
    asgirefs = [param.args[1].removeprefix("==") or "newest" for param in names["ASGIREFS"]]
    lines.append(f"| asgiref | what Django allows | {', '.join(asgirefs)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with the tables as they should be."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{head}{BEGIN}{tables()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page())
