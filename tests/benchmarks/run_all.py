"""Run the benchmarks on each Python given; put their tables and the plot into docs/explanation.

    python tests/benchmarks/run_all.py --pythons python3.11 python3.12 python3.13

Each Python gets an environment of its own with the library as it stands here, not editable.
`--only` runs some of the scripts; the tables of the others stay as they are.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from environments import HERE, ROOT, environment, installed, run
from figures import markdown, say
from plot import draw

PAGE = ROOT / "docs" / "explanation" / "speed.md"
PLOT = PAGE.with_suffix(".svg")
PACKAGES = (
    f"{ROOT}[django,opentelemetry,ddtrace,structlog]",
    *("opentelemetry-sdk", "uvicorn", "gunicorn", "uvloop", "httptools"),
)
SHOWN = ("Django", "ddtrace", "opentelemetry-sdk", "structlog", "uvicorn", "gunicorn")
PEERS = ("ddtrace", "opentelemetry-instrumentation-wsgi", "logfire", "langfuse", "sentry-sdk")
SCRIPTS = ("micro", "attempts", "handlers", "growth", "instructions", "servers")
GROWS = {"growth"}
"""Scripts whose lines are too long to stand side by side: the newest Python alone."""

Table = list[dict[str, Any]]


def result(interpreter: Path, script: str, *arguments: str) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "figures.json"
        say(run(str(interpreter), str(HERE / f"{script}.py"), "--json", str(kept), *arguments))
        found: Table = json.loads(kept.read_text())
        return found


def side_by_side(tables: dict[str, Table]) -> str:
    """One Markdown table, with a column for each Python."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for python, table in tables.items():
        for figure in table:
            line = lines.setdefault((figure["group"], figure["what"]), dict(figure))
            line[python] = figure["found"]
    optional = [
        name
        for name in ("group", "against", "budget")
        if any(line[name] for line in lines.values())
    ]
    header = ["what", *optional, *(f"Python {python}" for python in tables)]
    return markdown(
        header,
        [
            [line["what"], *(line[name] for name in optional), *(line.get(p, "") for p in tables)]
            for line in lines.values()
        ],
    )


def by_place(found: Table) -> str:
    """The peers' table: a line for each, a column for each place where they are put in."""
    lines: dict[str, dict[str, str]] = {}
    for figure in found:
        line = lines.setdefault(figure["what"], {"isolates": figure["against"]})
        line[figure["group"]] = figure["found"]
    header = ["WSGI", "ASGI", "generator", "async generator", "isolates"]
    rows = [[what, *(line.get(name, "-") for name in header)] for what, line in lines.items()]
    return markdown(["", *header], rows)


def replace(page: str, part: str, text: str) -> str:
    """The page with `text` between the two markers of a part."""
    begin, end = f"<!-- begin: {part} -->", f"<!-- end: {part} -->"
    return re.sub(
        f"{begin}.*?{end}", lambda _: f"{begin}\n\n{text}\n\n{end}", page, flags=re.DOTALL
    )


def machine(interpreters: dict[str, Path]) -> str:
    """Where and when, and of what versions."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = model[1] if model else platform.processor()
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    lines = [
        f"- {os.cpu_count()} cores of {processor}, a virtual machine; {system}",
        f"- {dt.datetime.now(tz=dt.UTC):%d %B %Y}",
    ]
    for interpreter in interpreters.values():
        told = "import platform as p; print(p.python_version(), p.python_compiler(), sep=', ')"
        version = run(str(interpreter), "-c", told).strip()
        packages = installed(interpreter, list(SHOWN))
        lines.append(f"- Python {version}: {', '.join(f'{n} {v}' for n, v in packages.items())}")
    return "\n".join(lines)


def peers(folder: Path, python: str) -> tuple[Table, str]:
    """The table of the peers, and their versions."""
    found = result(Path(sys.executable), "peers", "--envs", str(folder), "--python", python)
    versions: dict[str, str] = {}
    for interpreter in folder.glob("*/bin/python"):
        versions |= installed(interpreter, list(PEERS))
    return found, ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pythons", nargs="+", default=[sys.executable])
    parser.add_argument("--only", nargs="+", default=[*SCRIPTS, "peers"])
    parser.add_argument("--envs", type=Path, help="keep the environments here, for the next run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        envs = given.envs or Path(temporary)
        pythons = [shutil.which(python) or python for python in given.pythons]
        asked = "import sys; print('%d.%d' % sys.version_info[:2])"
        interpreters = {}
        for python in pythons:
            version = run(python, "-c", asked).strip()
            interpreters[version] = environment(envs / version, python, *PACKAGES)
        write(given.only, interpreters, envs / "peers", pythons[-1])


def write(only: list[str], interpreters: dict[str, Path], envs: Path, newest: str) -> None:
    parts = {"machine": machine(interpreters)}
    for script in SCRIPTS:
        if script in only:
            chosen = dict(list(interpreters.items())[-1:]) if script in GROWS else interpreters
            tables = {version: result(python, script) for version, python in chosen.items()}
            parts[script] = side_by_side(tables)
    if "peers" in only:
        found, versions = peers(envs, newest)
        parts["peers"] = f"With {versions}.\n\n{by_place(found)}"
        PLOT.write_text(draw(found))
    page = PAGE.read_text()
    for part, text in parts.items():
        page = replace(page, part, text)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
