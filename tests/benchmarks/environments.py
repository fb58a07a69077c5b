"""Virtual environments made on the way, each for one thing that is measured."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


SPEEDUPS = ROOT / "speedups"


def environment(folder: Path, python: str, *packages: str) -> Path:
    """The interpreter of an environment with these packages, and the library as it is now.

    The library comes with its compiled step; `run` says whether that is used.
    """
    interpreter = folder / "bin" / "python"
    pip = (str(interpreter), "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    if not interpreter.exists():
        run(python, "-m", "venv", str(folder))
        run(*pip, *packages)
    if any(package.startswith(str(ROOT)) for package in packages):
        run(*pip, "--force-reinstall", "--no-deps", str(ROOT), str(SPEEDUPS))
    return interpreter


def run(*command: str, timeout: float = 1800, pure: bool = False) -> str:
    """The output of a command that must succeed; what it says of errors is passed on."""
    done = subprocess.run(  # noqa: S603 - commands of these scripts' own
        command,
        cwd=HERE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=timeout,
        env={**os.environ, "STREAMINSTR_PURE": "1" if pure else "0"},
    )
    return done.stdout


def installed(interpreter: Path, packages: list[str]) -> dict[str, str]:
    """Their versions, of those that are there."""
    listed = run(str(interpreter), "-m", "pip", "list", "--format=freeze")
    versions = dict(line.split("==") for line in listed.splitlines() if "==" in line)
    return {name: versions[name] for name in packages if name in versions}
