"""Places in code, in a readable form: `shop/views.py:12 rows`.

A place is a file, a line and the name of a function. It contains no value of a variable.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PACKAGE = f"{Path(__file__).absolute().parents[1]}{os.sep}"
_STDLIB = f"{Path(os.__file__).absolute().parent}{os.sep}"
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_BODIES = tuple(f"{_PACKAGE}{room}{os.sep}" for room in ("demo", "testing"))
"""Packages of this library that contain bodies. They are shown like an application's."""
_MOST = 12
"""How many frames are shown of the application, and how many of libraries."""
UNSEEN = "..."
"""Stands where a chain goes on and cannot be followed, and where a long one is cut."""
NET = f"{_PACKAGE}asgi.py"
"""The file of the net, within which an application pushes its chunks."""
_APPLICATION, _PYTHON = "", "python"


Place = tuple[str, int, str]
"""Where a frame is at work or waits: file, line, function. Plain: there are many of them."""


_looking = RLock()


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from running while frames of other threads are looked at.

    Up to Python 3.11 it runs in the midst of making a frame object. What it finalizes may let the
    other thread go on, whose frame is gone then: the interpreter crashes. CPython turns it off in
    `sys._current_frames`, too (gh-106883).
    """
    with _looking:
        is_on = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if is_on:
                gc.enable()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    # A child that is forked in the midst of a look would never collect, and never look.
    os.register_at_fork(
        before=_looking.acquire,
        after_in_parent=_looking.release,
        after_in_child=_looking.release,
    )


def place_of(frame: FrameType) -> Place:
    """The place of a frame. The frame itself is not kept."""
    code = frame.f_code
    # No line belongs to some of the instructions that the compiler adds.
    return code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name


def directory() -> str:
    """What file names are relative to; empty where the directory was removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


@lru_cache(maxsize=1024)
def in_words(places: tuple[Place | None, ...], cwd: str) -> tuple[tuple[str, ...], str]:
    """The places as texts, and the innermost one of the application; empty where there is none.

    Those of the application come first, then those of libraries, each outermost first. None stands
    for what cannot be followed. Where no code lies outside of `site-packages`, the package of the
    outermost frame is the application.
    """
    rows = [(place, *shorten(place[0], cwd)) for place in places if place is not None]
    owners = [owner for *_, owner in rows if owner not in (None, _PYTHON)]
    application = _APPLICATION if _APPLICATION in owners else next(iter(owners), None)
    own: list[str] = []
    others: list[str] = []
    for (_, line, function), file, owner in rows:
        text = f"{file}:{line} {function}"
        if owner is not None:
            (own if owner == application else others).append(text)
    unseen = [UNSEEN] if None in places else []
    return (*_cut(own), *_cut(others), *unseen), own[-1] if own else ""


@lru_cache(maxsize=4096)
def shorten(file: str, cwd: str) -> tuple[str, str | None]:
    """A file as it is shown, and what it belongs to; None for our own, which is not shown.

    Relative to `site-packages`, to Python's library, to `cwd`, or to the folder of `sys.path` that
    it was imported from; else its folder and name.
    """
    if file.startswith(_PACKAGE) and not file.startswith(_BODIES):
        return file, None
    for folder in _INSTALLED:
        if folder in file:
            short = file.rpartition(folder)[2]
            return short, short.partition(os.sep)[0]
    if file.startswith((_STDLIB, "<frozen ")):
        return file.removeprefix(_STDLIB), _PYTHON
    path: list[object] = [*sys.path]  # a path object may have got into it
    entries = [entry for entry in path if isinstance(entry, str)]
    for entry in (cwd, *sorted(entries, key=len, reverse=True)):
        root = entry.rstrip(os.sep)  # a process in the topmost folder says nothing by that
        if root and file.startswith(root + os.sep):
            return file[len(root) + 1 :], _APPLICATION
    return "/".join(Path(file).parts[-2:]), _APPLICATION


def _cut(texts: list[str]) -> list[str]:
    """The outermost text and the innermost ones, where there are too many."""
    if len(texts) <= _MOST:
        return texts
    return [texts[0], UNSEEN, *texts[-_MOST + 2 :]]
