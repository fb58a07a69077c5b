"""The line that installs something, for the interpreter that runs here."""

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
    """`.venv/bin/python -m pip install ...`, from where this library was installed itself.

    Installed from a folder, such as a clone, it is the folder: a package index may not have it.
    """
    words = (f'"{_from_here(requirement)}"' for requirement in requirements)
    return f"{shlex.quote(_short(sys.executable))} -m pip install {' '.join(words)}"


def _from_here(requirement: str) -> str:
    """`streaminstr[demo]` with the folder in place of the name, if it was installed from one."""
    name, bracket, extras = requirement.partition("[")
    folder = _folder() if name == NAME else None
    return requirement if folder is None else f"{_short(folder)}{bracket}{extras}"


def _folder() -> str | None:
    """The folder that the library was installed from, as pip has noted it."""
    try:
        noted = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:  # pragma: no cover - run from a folder on the path
        return None
    origin = json.loads(noted) if noted else {}
    if "dir_info" not in origin:
        return None
    return unquote(urlparse(origin["url"]).path)


def _short(path: str) -> str:
    """A path below the current folder is shown from there."""
    here = Path.cwd()
    return os.path.relpath(path) if Path(path).is_relative_to(here) else path
