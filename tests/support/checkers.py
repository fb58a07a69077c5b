"""Type checkers run as their users run them, on the installed package, in their strictest mode."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

TIMEOUT = 300
WRONG = re.compile(r"# wrong$")


@cache
def errors(checker, *files):
    """The lines with an error, by file: `{path: {line: messages}}`."""
    found = {file: {} for file in files}
    for file, line, message in _RUN[checker](files):
        found.setdefault(Path(file), {}).setdefault(line, []).append(message)
    return found


def wrong_lines(file):
    """The numbers of the lines that say of themselves that they are wrong."""
    lines = enumerate(file.read_text().splitlines(), 1)
    return {number for number, line in lines if WRONG.search(line)}


def _mypy(files):
    # As pyright does by itself, for a checkout that is not installed.
    environment = os.environ | {"MYPYPATH": os.environ.get("PYTHONPATH", "")}
    options = ("--strict", "--config-file=", "--output=json", "--no-error-summary")
    for line in _run("mypy", *options, *map(str, files), environment=environment).splitlines():
        said = json.loads(line)
        if said["severity"] == "error":
            yield Path(said["file"]).absolute(), said["line"], said["message"]


def _pyright(files, command="pyright"):
    with TemporaryDirectory() as folder:
        config = Path(folder).resolve() / "pyrightconfig.json"
        config.write_text(json.dumps({"typeCheckingMode": "strict"}))
        options = ("--project", str(config), "--pythonpath", sys.executable, "--outputjson")
        output = _run(command, *options, *map(str, files))
    for said in json.loads(output)["generalDiagnostics"]:
        if said["severity"] == "error":
            yield said["file"], said["range"]["start"]["line"] + 1, said["message"]


_RUN = {
    "mypy": _mypy,
    "pyright": _pyright,
    "basedpyright": partial(_pyright, command="basedpyright"),
}


def _run(module, *arguments, environment=None):
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
