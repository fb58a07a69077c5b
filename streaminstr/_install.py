"""The line that installs a missing library, to be copied into the user's shell.

Every message that says how to install something uses it.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlparse

NAME = "streaminstr"


def install_line(*requirements: str) -> str:
    """`.venv/bin/python -m pip install "..."`, for the interpreter that runs this process.

    If this library was installed from a folder, such as a clone, the line names the folder: a
    package index may not have it.
    """
    words = (f'"{_from_here(requirement)}"' for requirement in requirements)
    return f"{_interpreter()} -m pip install {' '.join(words)}"


def _interpreter() -> str:
    """The running interpreter; `python` in a server that embeds one, such as uWSGI."""
    executable = sys.executable or ""
    is_python = Path(executable).name.startswith(("python", "pypy"))
    return shlex.quote(_short(executable)) if is_python else "python"


def _from_here(requirement: str) -> str:
    """`streaminstr[demo]` with the folder in place of the name, if it was installed from one."""
    name, bracket, extras = requirement.partition("[")
    folder = _folder() if name == NAME else None
    return requirement if folder is None else f"{_short(folder)}{bracket}{extras}"


def _folder() -> str | None:
    """The folder that this library was installed from, as recorded by pip."""
    try:
        noted = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:  # pragma: no cover - run from a folder on the path
        return None
    origin = json.loads(noted) if noted else {}
    if "dir_info" not in origin:
        return None
    return unquote(urlparse(origin["url"]).path)


def _short(path: str) -> str:
    """Make a path relative if it is below the current folder."""
    here = Path.cwd()
    return os.path.relpath(path) if Path(path).is_relative_to(here) else path
