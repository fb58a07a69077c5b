"""What becomes of an endless stream when its server is told to stop, by server."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import django

SERVER = ("cancelled by server",)
LOST = ()


@dataclass(frozen=True)
class Fate:
    is_over: bool = True
    """Whether the server ends within the test's patience."""
    ends: tuple[str, ...] = LOST
    cleaned_up: int = 0
    clean_end: bool = False
    farewell: bool = False


DRAINED = Fate(ends=SERVER, cleaned_up=1, clean_end=True, farewell=True)
STAYS = Fate(is_over=False)
GONE = Fate()
CLOSED = Fate(ends=SERVER, cleaned_up=1)
"""The net closes it at the lifespan's end, or as its task is cancelled."""
CUT = Fate(ends=("cancelled by client",), cleaned_up=1)
"""Told as a disconnect, by a server whose worker gets no signal."""
DEAF = {"hypercorn", "granian wsgi"}
"""They hear of no drain: hypercorn's worker gets no SIGTERM, and granian's handler under WSGI
replaces the one of before, after the application was loaded and for good."""


def fate(server, *, with_option, drains):
    """What has to be seen in a cell."""
    if drains and server not in DEAF:
        return DRAINED
    family = server.split()[0]
    if family == "hypercorn":
        return _hypercorn(server)
    if family == "daphne":  # with Django 5.2 its tasks leave the rest to `atexit`
        return CLOSED if django.VERSION >= (6,) else Fate(ends=SERVER)
    if server == "waitress":
        return GONE
    if server == "runserver":  # HTTP/1.0: the end of the connection is that of the response
        return Fate(clean_end=True)
    if not with_option:
        return STAYS
    return CLOSED if family.startswith("uvicorn") else GONE


def _hypercorn(server):
    # Its timeout is on by default. From Python 3.12 on it waits in `Server.wait_closed` before.
    if sys.version_info >= (3, 12):
        return STAYS
    return CLOSED if server.endswith("-w 0") else CUT
