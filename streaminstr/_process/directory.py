"""The roster of one host: a private directory in which each process has its own file.

Rules: the directory must belong to this user, be closed to all others (0700), and not be a symbolic
link; otherwise it is refused. It is opened once for each look. All files are opened relative to
that descriptor, so no name is looked up twice. A file is replaced, never changed. Links are never
followed.

`PLACE-PID-STARTED.json` is the page of a process, `PLACE-PID-STARTED.NONCE.ask` a request to it.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from streaminstr._process import page, place
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = re.compile(r"(?P<place>[0-9a-f]{8})-(?P<pid>\d{1,10})-(?P<started>\d{1,20})\.json")
_OURS = re.compile(r"[0-9a-f]{8}-\d{1,10}-\d{1,20}\.(json|[0-9a-f]{16}\.(ask|new))")
_MOST = 1000
"""Largest number of files that are read."""
_FORGOTTEN = 60.0
"""Seconds after which a file is swept that no one has replaced: where its process cannot be looked
for, and what no one has taken."""
_SWEEP_EVERY = 10.0
_LARGEST_ASK = 4096
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)


def defaults() -> list[Path]:
    """Where the directory is by default: the first one is written, all are read by the command.

    A service has no `XDG_RUNTIME_DIR`, which the shell of its user may have.
    """
    shared = Path(tempfile.gettempdir()) / f"streaminstr-{os.geteuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_of_this_user(Path(runtime)):  # `sudo` may have kept another's
        return [Path(runtime) / "streaminstr", shared]
    return [shared]


def _is_of_this_user(path: Path) -> bool:
    try:
        return path.is_absolute() and path.stat().st_uid == os.geteuid()
    except OSError:
        return False


class Directory:
    """A `Store` in the directory `path`; by default in one of this user's own."""

    polls_every = 0.5
    writes_every = 0.25
    largest = page.LARGEST

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = defaults()[0] if path is None else Path(path)
        self._swept = 0.0

    @property
    def own(self) -> str:
        """The address of this process."""
        pid = os.getpid()
        return f"{place.here()}-{pid}-{place.started(pid)}"

    def check(self) -> None:
        """Raise StreaminstrError if the directory exists and must not be used."""
        with suppress(FileNotFoundError):
            os.close(self._open())

    def write(self, text: str) -> None:
        """Replace the page of this process; sweep what is stale, from time to time."""
        with self._made_if_missing() as folder:
            self._replace(folder, f"{self.own}.json", text)
            if abs(time.monotonic() - self._swept) > _SWEEP_EVERY:
                self._swept = time.monotonic()
                sweep(folder)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """The addresses of the running processes, and their pages."""
        with self._opened() as folder:
            if folder is None:
                return
            for name in _names(folder):
                if _PAGE.fullmatch(name) and not _is_stale(folder, name):
                    text = _content(folder, name, self.largest)
                    if text is not None:
                        yield name.removesuffix(".json"), text

    def ask(self, address: str, nonce: str, text: str) -> None:
        """Leave a request for the process of that address."""
        with self._made_if_missing() as folder:
            self._replace(folder, f"{address}.{nonce}.ask", text)

    def asked(self) -> Iterator[bytes]:
        """Take the requests to this process."""
        own = f"{self.own}."
        with self._opened() as folder:
            if folder is None:
                return
            for name in _names(folder):
                if name.startswith(own) and name.endswith(".ask"):
                    text = _content(folder, name, _LARGEST_ASK)
                    _remove(folder, name)
                    yield text or b""

    def rest(self) -> None:
        """Nothing is held: the directory is opened for each look."""

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """A descriptor of the directory; None where it is not there."""
        try:
            folder = self._open()
        except FileNotFoundError:
            yield None
            return
        try:
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _made_if_missing(self) -> Iterator[int]:
        """A descriptor of the directory, which is made where it is not there."""
        with suppress(FileExistsError):
            self.path.mkdir(0o700)
        folder = self._open()
        try:
            yield folder
        finally:
            os.close(folder)

    def _open(self) -> int:
        """Open the directory, after having looked at it. Raises StreaminstrError, OSError."""
        _check_owner(self.path, os.lstat(self.path))
        folder = os.open(self.path, _OPEN)
        try:
            _check_owner(self.path, os.fstat(folder))  # another may have taken its place
        except StreaminstrError:
            os.close(folder)
            raise
        return folder

    def _replace(self, folder: int, name: str, text: str) -> None:
        new = f"{self.own}.{os.urandom(8).hex()}.new"
        file = os.open(new, _WRITE, 0o600, dir_fd=folder)
        try:
            # As bytes: a text file imports the codec, in the background thread. A process that is
            # forked meanwhile never has that module.
            with os.fdopen(file, "wb") as opened:
                opened.write(text.encode("ascii"))
            os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(new, dir_fd=folder)
            raise


def sweep(folder: int) -> None:
    """Remove the files of processes that have ended, and what no one has taken."""
    for name in _names(folder):
        if _OURS.fullmatch(name) and _is_stale(folder, name):
            _remove(folder, name)


def _remove(folder: int, name: str) -> None:
    with suppress(OSError):  # another process sweeps, too; or it is a directory
        os.unlink(name, dir_fd=folder)


def _names(folder: int) -> list[str]:
    return sorted(os.listdir(folder))[:_MOST]


def _is_stale(folder: int, name: str) -> bool:
    of_page = _PAGE.fullmatch(name)
    if of_page is not None and of_page["place"] == place.here():
        return place.started(int(of_page["pid"])) != int(of_page["started"])
    try:
        written = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return True
    return time.time() - written > _FORGOTTEN


def _content(folder: int, name: str, largest: int) -> bytes | None:
    """What is in a file; empty where it is not one that a process of this user would write.

    None where it is gone.
    """
    try:
        file = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:  # a link, a socket
        return b""
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
            return b""
        with os.fdopen(file, "rb", closefd=False) as opened:
            text = opened.read(largest + 1)
    finally:
        os.close(file)
    return text if len(text) <= largest else b""


def _check_owner(path: Path, about: os.stat_result) -> None:
    mode = stat.S_IMODE(about.st_mode)
    wrong = (
        "is a symbolic link"
        if stat.S_ISLNK(about.st_mode)
        else "is no directory"
        if not stat.S_ISDIR(about.st_mode)
        else "belongs to another user"
        if about.st_uid != os.geteuid()
        else f"has the mode {mode:04o}"
        if mode != 0o700  # noqa: PLR2004 - as `chmod` takes it
        else ""
    )
    if wrong:
        msg = (
            f"The directory of the roster, {path}, {wrong}. It has to be a directory of this user, "
            'with the mode 0700. Remove it, or name another one: "ROSTER": {"DIR": "..."}.'
        )
        raise StreaminstrError(msg)
