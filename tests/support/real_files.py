"""Files that are sent: not all of them are of the file system."""

from __future__ import annotations

from real_spans import note

SIZE = 64 * 1024


class Storage:
    """A reader as a storage's client has it: without a descriptor, and its connection may fail."""

    closed = False

    def __init__(self, turn):
        self._turn = turn
        self._left = SIZE

    def read(self, size):
        if self._left < SIZE:
            self._turn.next()
        size = min(size, self._left)
        self._left -= size
        note(f"read {size}")
        return b"x" * size

    def close(self):
        if not self.closed:
            note("closed")
        self.closed = True


def file_of(folder):
    """A real file of that size, open."""
    path = folder / "big.bin"
    path.write_bytes(b"x" * SIZE)
    return path.open("rb")
