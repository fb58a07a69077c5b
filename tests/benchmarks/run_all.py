"""Run the benchmarks on each Python given; put their tables and the plot into docs/explanation.

    python tests/benchmarks/run_all.py --pythons python3.11 python3.12 python3.13

Each Python gets an environment of its own with the library as it stands here, not editable, and
each script runs with the step in plain Python and with the compiled one.
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
PEERS = (
    *("ddtrace", "opentelemetry-instrumentation-wsgi", "logfire", "langfuse", "sentry-sdk"),
    *("fastapi", "opentelemetry-util-genai"),
)
SCRIPTS = ("micro", "handlers", "held", "instructions", "servers")
FORMS = {"plain": True, "compiled": False}
LOADS = {
    "an export of 100 chunks a second": 100,
    "1,000 chunks a second": 1_000,
    "100 answers of a model, 50 tokens a second each": 5_000,
    "10,000 chunks a second": 10_000,
    "2,000 event streams, 10 events a second each": 20_000,
}

Table = list[dict[str, Any]]


def result(interpreter: Path, script: str, *arguments: str, pure: bool = False) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "figures.json"
        command = (str(HERE / f"{script}.py"), "--json", str(kept), *arguments)
        say(run(str(interpreter), *command, pure=pure))
        found: Table = json.loads(kept.read_text())
        return found


def side_by_side(tables: dict[str, Table]) -> str:
    """One Markdown table, with a column for each Python and form of the step."""
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
    header = ["what", *optional, *tables]
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


def meaning(handlers: dict[str, Table]) -> str:
    """Percent of one core at some loads, with the middleware and the net: of the first Python."""
    added = {
        f"{figure['what'].split()[1]}, {column.split()[1]}": figure["added"]
        for column, table in list(handlers.items())[: len(FORMS)]
        for figure in table
        if figure["what"].endswith("and net")
    }
    header = ["percent of one core", *added]
    rows = [
        [load, *(f"{chunks * cost / 1e7:.2g}" for cost in added.values())]
        for load, chunks in LOADS.items()
    ]
    return markdown(header, rows)


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
    parser.add_argument("--only", nargs="+", default=[*SCRIPTS, "crowd", "peers"])
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


def tables(script: str, interpreters: dict[str, Path]) -> dict[str, Table]:
    """What a script finds, by Python and form of the step."""
    return {
        f"{version} {form}": result(python, script, pure=pure)
        for version, python in interpreters.items()
        for form, pure in FORMS.items()
    }


def write(only: list[str], interpreters: dict[str, Path], envs: Path, newest: str) -> None:
    parts = {"machine": machine(interpreters)}
    for script in SCRIPTS:
        if script in only:
            found = tables(script, interpreters)
            parts[script] = side_by_side(found)
            if script == "handlers":
                parts["meaning"] = meaning(found)
    if "crowd" in only:  # it has servers of both forms, which take turns
        crowds = {version: result(python, "crowd") for version, python in interpreters.items()}
        parts["crowd"] = side_by_side(crowds)
    if "peers" in only:
        table, versions = peers(envs, newest)
        parts["peers"] = f"With {versions}.\n\n{by_place(table)}"
        PLOT.write_text(draw(table))
    page = PAGE.read_text()
    for part, text in parts.items():
        page = replace(page, part, text)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
