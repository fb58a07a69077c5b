"""`streaminstr backends`: what is installed, what is picked, and whether it works."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streaminstr import StreaminstrError, _configure, _registry, _speedups, stream
from streaminstr.command.table import print_table, say
from streaminstr.command.witness import Witness

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from streaminstr import Backend

COLUMNS = ("backend", "picked", "distribution", "version", "from", "importable")
SETTINGS = "DJANGO_SETTINGS_MODULE"
CHUNKS = (b"one ", b"two ", b"three")
FLUSH_SECONDS = 5.0


def show(backend: str | None = None, *, check: bool = False) -> int:
    """List the backends; with `check`, try the picked one. Returns 0, or 1 where that went wrong.

    `backend` is picked in place of what Django's settings say. Raises StreaminstrError where what
    is picked cannot work.
    """
    picked, options, reason = pick(backend)
    # Listing must not start a vendor's own telemetry. The check uses the vendor as it is.
    if not check:
        os.environ.setdefault("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
    names = names_in(picked)
    print_table(COLUMNS, [_row(point, names) for point in _registry.installed()])
    say(f"\nPicked: {picked!r} ({reason}). Steps: {_speedups.describe()}.")
    backends = _registry.resolve(picked, options)
    return try_out(backends) if check else 0


def pick(backend: str | None) -> tuple[Any, dict[str, Any], str]:
    """What is picked, with which options, and who says so."""
    if backend is not None:
        return backend, {}, "asked for on the command line"
    if SETTINGS not in os.environ:
        return "log", {}, f"the default; {SETTINGS} is not set"
    raw = _settings()
    if raw is None:
        return "log", {}, f"the default; {os.environ[SETTINGS]} has no STREAMINSTR"
    return (
        raw.get("BACKEND", "log"),
        raw.get("OPTIONS", {}),
        f"STREAMINSTR in {os.environ[SETTINGS]}",
    )


def names_in(picked: Any) -> set[str]:
    """The names among what is picked."""
    if isinstance(picked, dict):
        return names_in(picked.get("BACKEND"))
    if isinstance(picked, list | tuple):
        return {name for one in picked for name in names_in(one)}
    return {picked} if isinstance(picked, str) else set()


def try_out(backends: tuple[Backend, ...]) -> int:
    """Send one stream through the backends, print how it ended, and return the exit code."""
    if not backends:
        say("Nothing to check: the backend None turns everything off.")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # unless the settings did
    witnesses = tuple(Witness(backend) for backend in backends)
    with _configure.forced(_configure.assemble(witnesses)):
        for _ in stream(CHUNKS, name="streaminstr.check"):
            pass
    for witness in witnesses:
        witness.flush(FLUSH_SECONDS)
        say(f"\n{witness.name}")
        for note in witness.notes:
            say(f"  {note}")
    return int(any(witness.failed for witness in witnesses))


def _settings() -> Any:
    """The setting STREAMINSTR of the module that the environment names. Sets Django up."""
    if find_spec("django") is None:
        msg = f'{SETTINGS} is set. Install Django: python -m pip install "streaminstr[django]"'
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
        "?" if dist is None else dist.name,
        "?" if dist is None else dist.version,
        point.value,
        _importable(point),
    )


def _importable(point: EntryPoint) -> str:
    """`yes`, or `no` with the command that changes it."""
    try:
        point.load()
    except ImportError:
        owner = "streaminstr" if point.dist is None else point.dist.name
        return f'no: python -m pip install "{owner}[{point.name}]"'
    except AttributeError as error:
        return f"no: {error}"
    return "yes"
