"""Stores for the pages of all processes. The setting ROSTER selects one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from streaminstr._process.directory import Directory
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Iterator

TAKES_ROSTER = (
    'True, {"DIR": an absolute path}, or None; in Django also {"CACHE": a name in CACHES}'
)
TIME_TO_LIVE = 15.0
"""Seconds for which a page is there that is not replaced: its process cannot be looked for."""
_METHODS = ("write", "read", "ask", "asked", "rest")


class Store(Protocol):
    """A place that several processes share. Each of its methods may raise anything."""

    polls_every: float
    """How often a process looks for requests, in seconds."""
    writes_every: float
    """Seconds from one page to the next, at least."""
    largest: int
    """Bytes of a page, at most."""

    @property
    def own(self) -> str:
        """The address of this process."""

    def write(self, text: str) -> None:
        """Replace the page of this process."""

    def read(self) -> Iterator[tuple[str, bytes | str]]:
        """The addresses of all processes that live, and their pages."""

    def ask(self, address: str, nonce: str, text: str) -> None:
        """Leave a request for a process."""

    def asked(self) -> Iterator[bytes | str]:
        """Take out the requests to this process."""

    def rest(self) -> None:
        """Release what the background thread holds, until its next look."""


def is_roster(given: Any) -> bool:
    """Whether it is True, False, None, `{"DIR": path}`, or a store."""
    if isinstance(given, dict):
        return set(given) == {"DIR"} and _is_path(given["DIR"])
    return given is None or isinstance(given, bool) or _is_store(given)


def store_of(given: Any) -> Store | None:
    """The store that is meant by what `is_roster` has taken; None where the roster is off.

    Raises StreaminstrError where this system has no such store.
    """
    if not (given is True or isinstance(given, dict)):
        return given or None
    if not hasattr(os, "geteuid"):
        msg = (
            "The directory of ROSTER needs the owners and modes of POSIX, which this system does "
            'not have. Write {"CACHE": a name in CACHES}, in Django, or leave ROSTER out.'
        )
        raise StreaminstrError(msg)
    return Directory(given["DIR"] if isinstance(given, dict) else None)


def _is_path(given: Any) -> bool:
    return isinstance(given, str | os.PathLike) and Path(given).is_absolute()


def _is_store(given: Any) -> bool:
    return all(callable(getattr(given, name, None)) for name in _METHODS)
