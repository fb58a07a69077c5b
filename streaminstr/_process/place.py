"""Which processes this one can see, and whether one of them still lives: by pid and start time."""

from __future__ import annotations

import hashlib
import os
import socket
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")
_STATE, _STARTED = 0, 19
"""Fields of `/proc/PID/stat`, counted from the one behind the name."""


def here() -> str:
    """The host and the pid namespace of this process as 8 hex digits: where a pid is the same."""
    return _hashed(os.getpid())


@lru_cache(maxsize=1)
def _hashed(_: int) -> str:
    try:
        namespace = str((_PROC / "self" / "ns" / "pid").readlink())
    except OSError:  # pragma: no cover - not on Linux
        namespace = ""
    return hashlib.sha256(f"{socket.gethostname()}/{namespace}".encode()).hexdigest()[:8]


def started(pid: int) -> int:
    """When a process has started, in ticks since the boot; 0 where it is not there, or a zombie.

    Without `/proc` it is 1 of each process that is there.
    """
    if not (_PROC / "self" / "stat").exists():  # pragma: no cover - not on Linux
        return int(_is_there(pid))
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return 0
    fields = stat.rpartition(b")")[2].split()  # the name before it may have anything in it
    return 0 if fields[_STATE] in (b"Z", b"X") else int(fields[_STARTED])


def _is_there(pid: int) -> bool:  # pragma: no cover - not on Linux
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
