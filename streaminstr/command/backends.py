"""`streaminstr backends`: what is installed and what is picked; check.py tries it out."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streaminstr import StreaminstrError, _registry, _speedups
from streaminstr._environment import PREFIX, in_environment, over
from streaminstr._install import install_line
from streaminstr._sifted import plain
from streaminstr.command.check import try_out
from streaminstr.command.table import print_table, say

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from streaminstr.command.receiver import Receiver

COLUMNS = ("backend", "picked", "distribution", "from")
SETTINGS = "DJANGO_SETTINGS_MODULE"


def show(
    backend: str | None = None, *, check: bool = False, receiver: Receiver | None = None
) -> int:
    """List the backends; with `check`, try the picked one. Returns 0, or 1 where that went wrong.

    `backend` is picked in place of what Django's settings say. `receiver` has to see what the check
    sends. Raises StreaminstrError where what is picked cannot work.
    """
    picked, options, reason = pick(backend)
    # Listing must not start a vendor's own telemetry. The check uses the vendor as it is.
    if not check:
        os.environ.setdefault("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
    names = names_in(picked)
    points = _registry.installed()
    print_table(COLUMNS, [_row(point, names) for point in points])
    for point in points:
        if problem := _not_importable(point):
            say(f"\n{point.name} cannot be imported: {problem}")
    say(f"\nPicked: {picked!r} ({reason}). Steps: {_speedups.describe()}.")
    # One stream is to arrive, whatever share of all streams a backend takes.
    backends = tuple(plain(backend) for backend in _registry.resolve(picked, options))
    return try_out(backends, receiver) if check else 0


def pick(backend: str | None) -> tuple[Any, dict[str, Any], str]:
    """What is picked, with which options, and who says so."""
    if backend is not None:
        return backend, {}, "asked for on the command line"
    raw, reason = _written()
    if "BACKEND" in in_environment():
        reason = f"{PREFIX}BACKEND in the environment"
    merged = over(raw, in_environment())
    return merged.get("BACKEND", "log"), merged.get("OPTIONS", {}), reason


def _written() -> tuple[dict[str, Any], str]:
    """The setting, or nothing, and where it is written."""
    if SETTINGS not in os.environ:
        return {}, f"the default; {SETTINGS} is not set"
    raw = settings_of_site()
    if raw is None:
        return {}, f"the default; {os.environ[SETTINGS]} has no STREAMINSTR"
    return raw, f"STREAMINSTR in {os.environ[SETTINGS]}"


def names_in(picked: Any) -> set[str]:
    """The names among what is picked."""
    if isinstance(picked, dict):
        return names_in(picked.get("BACKEND"))
    if isinstance(picked, list | tuple):
        return {name for one in picked for name in names_in(one)}
    return {picked} if isinstance(picked, str) else set()


def settings_of_site() -> Any:
    """The setting STREAMINSTR of the module that the environment names. Sets Django up."""
    if find_spec("django") is None:
        msg = f"{SETTINGS} is set. Install Django: {install_line('streaminstr[django]')}"
        raise StreaminstrError(msg)
    import django  # noqa: PLC0415 - an extra
    from django.conf import settings  # noqa: PLC0415

    sys.path.insert(0, str(Path.cwd()))  # as `python manage.py` does
    try:
        django.setup()
    except ImportError as error:
        msg = f"{SETTINGS} is {os.environ[SETTINGS]!r}, which cannot be imported: {error}."
        raise StreaminstrError(msg) from error
    from streaminstr.django import conf  # noqa: PLC0415

    raw = getattr(settings, "STREAMINSTR", None)
    if raw is not None:
        conf.check_keys(raw)
    return raw


def _row(point: EntryPoint, picked: set[str]) -> tuple[str, ...]:
    dist = point.dist
    return (
        point.name,
        "yes" if point.name in picked else "",
        "?" if dist is None else f"{dist.name} {dist.version}",
        point.value,
    )


def _not_importable(point: EntryPoint) -> str:
    """Why it cannot be imported, with the command that changes that; empty where it can be."""
    try:
        point.load()
    except (ImportError, AttributeError) as error:
        extra = _registry.extra_of(point) if isinstance(error, ImportError) else None
        return f"{error}." if extra is None else f"{error}. Install it: {install_line(extra)}"
    return ""
