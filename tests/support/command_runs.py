"""Run the command `streaminstr` in a process of its own, counted by coverage where that runs."""

import os
import subprocess
import sys
from pathlib import Path

from coverage import Coverage

TIMEOUT = 60
HERE = Path(__file__).parent
WITHOUT = HERE / "without.py"
MEASURED = (
    "-m",
    "coverage",
    "run",
    f"--rcfile={HERE.parents[1] / 'pyproject.toml'}",
    f"--data-file={os.environ.get('COVERAGE_FILE', HERE.parents[1] / '.coverage')}",
    f"--source=streaminstr,{HERE}",
)


def command_line(*arguments, without=()):
    measured = MEASURED if Coverage.current() else ()
    script = [str(WITHOUT), ",".join(without)] if without else ["-m", "streaminstr"]
    return [sys.executable, *measured, *script, *arguments]


def environment(**changes):
    """That of this process, without what would pick settings or colours."""
    unwanted = ("DJANGO_SETTINGS_MODULE", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if name not in unwanted} | changes


def run(*arguments, without=(), cwd=None, **changes):
    return subprocess.run(  # noqa: S603 - our own command
        command_line(*arguments, without=without),
        env=environment(**changes),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


class Broken:
    """A backend whose method `where` raises."""

    def __init__(self, where=""):
        self.where = where

    def open(self, info):
        self.do("open")
        return self

    def start(self):
        self.do("start")
        return {"trace_id": "7", "env": ""}

    def close(self, report):
        self.do("close")

    def flush(self, timeout):
        self.do("flush")

    def do(self, what):
        if what == self.where:
            raise OSError(what)
