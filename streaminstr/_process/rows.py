"""The types of the roster: the table of the streams of all processes."""

from __future__ import annotations

import enum
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr.types import CancelledBy, OpenStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one open stream had sent at one moment of its life."""

    age: float
    """Seconds from its first step to this moment."""
    chunks: int
    bytes: int
    idle: float
    """Seconds since its last chunk, at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that has open streams, or had some."""

    name: str
    """As `OpenStream.worker`: host and process id."""
    host: str
    pid: int
    since: float
    """Unix time of its start, in seconds."""
    age: float
    """Seconds since it has written its rows; 0 of this process itself. More than a few: its
    background thread cannot run."""
    open: int
    """How many streams it has open, in the table or not."""
    paused: bool = False
    """Whether it opens no scope for new streams, by `pause()` or the setting PAUSED."""


def name_here() -> str:
    """What this process is called: `OpenStream.worker` of its streams."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedStream:
    """A stream that has ended a short time ago."""

    id: str
    name: str
    route: str | None
    method: str | None
    worker: str
    outcome: str
    cancelled_by: CancelledBy | None
    error_type: str | None
    close_reason: str | None
    """The text with which an operator or a limit closed it."""
    duration: float
    """Seconds from its first step to its end."""
    chunks: int
    events: int | None
    bytes: int | None
    """None: the server sent a file itself and its size is unknown."""
    ended: float
    """Unix time of its end, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The streams of all processes that this one can see."""

    rows: tuple[OpenStream, ...] = ()
    """The open ones, the oldest first."""
    workers: tuple[Worker, ...] = ()
    """By name. A process that never had a stream is not among them."""
    ended: tuple[EndedStream, ...] = ()
    """Those that ended last, the newest first: at most 50 of each process."""
    truncated: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    """How many open streams are left out of `rows`, by the name of their worker."""
    unreadable: int = 0
    """How many processes have written what cannot be read."""
    problem: str = ""
    """Why the other processes cannot be seen; empty where they can."""


class CloseResult(enum.StrEnum):
    """The result of a request to close a stream."""

    CLOSED = "closed"
    """It has ended."""
    ASKED = "asked"
    """Its process has been asked to end it, and it is still open: it ends with its next step."""
    GONE = "gone"
    """No process has an open stream of this id."""
    UNANSWERED = "unanswered"
    """Its process did not answer in time."""
