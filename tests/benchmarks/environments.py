"""Virtual environments made on the way, each for one thing that is measured."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def environment(folder: Path, python: str, *packages: str) -> Path:
    """The interpreter of an environment with these packages, and the library as it is now."""
    interpreter = folder / "bin" / "python"
    pip = (str(interpreter), "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    if not interpreter.exists():
        run(python, "-m", "venv", str(folder))
        run(*pip, *packages)
    elif any(package.startswith(str(ROOT)) for package in packages):
        run(*pip, "--force-reinstall", "--no-deps", str(ROOT))
    return interpreter


def run(*command: str, timeout: float = 900) -> str:
    """The output of a command that must succeed; what it says of errors is passed on."""
    done = subprocess.run(  # noqa: S603 - commands of these scripts' own
        command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True, timeout=timeout
    )
    return done.stdout


def installed(interpreter: Path, packages: list[str]) -> dict[str, str]:
    """Their versions, of those that are there."""
    listed = run(str(interpreter), "-m", "pip", "list", "--format=freeze")
    versions = dict(line.split("==") for line in listed.splitlines() if "==" in line)
    return {name: versions[name] for name in packages if name in versions}
