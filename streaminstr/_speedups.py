"""The compiled copy of the step, `streaminstr-speedups`: used where it is installed and fits."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import Any

_VERSION: str = sys.modules["streaminstr"].__version__
"""Looked up, since importing the package from in here would be a cycle."""


def _load() -> Any:
    """The module, or None for the step in plain Python: without it, and with STREAMINSTR_PURE."""
    if os.environ.get("STREAMINSTR_PURE", "0") not in ("", "0"):
        return None
    try:
        module = import_module("streaminstr_speedups")
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        return _refuse(f"streaminstr-speedups cannot be imported: {error}")
    if module.__version__ == _VERSION:
        return module
    return _refuse(f"streaminstr-speedups is {module.__version__}, and streaminstr {_VERSION}")


def _refuse(problem: str) -> None:
    pinned = f'"streaminstr[speedups]=={_VERSION}"'
    warnings.warn(
        f"{problem}. Steps run in plain Python. Install both: python -m pip install {pinned}",
        RuntimeWarning,
        stacklevel=2,
    )


compiled = _load()


def describe() -> str:
    """Which step runs, in words."""
    if compiled is None:
        return "plain Python"
    return f"compiled, streaminstr-speedups {compiled.__version__}"
