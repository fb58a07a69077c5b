"""The measurements of a stream's steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr._core.outcome import Cut
from streaminstr._speedups import compiled


class CutStep(NamedTuple):
    """A step that was cut although the body could continue. Valid until the next step."""

    how: Cut
    entered: float
    """When the step began, by `clock`. Identifies the step."""
    error: tuple[type[BaseException], tuple[Any, ...]]
    """Type and arguments. The exception itself would keep its traceback and the stream alive."""


class Numbers:
    """Counts of chunks and bytes, and times: moments or durations by `clock`, in seconds."""

    __slots__ = (
        *("begun", "chunks", "cut", "entered", "first", "left", "longest", "plain"),
        *("producer", "size", "size_of"),
    )

    def __init__(self, size_of: Callable[[Any], int], plain: Any = bytes) -> None:
        self.size_of, self.plain = size_of, plain
        """The size of a chunk of type `plain` is its length. `size_of` measures all others."""
        self.chunks = self.size = 0
        self.begun = self.first = self.entered = self.left = self.longest = self.producer = 0.0
        self.cut: CutStep | None = None


if not TYPE_CHECKING and compiled is not None:
    Numbers = compiled.Numbers


class Meter(Numbers):
    """Counts what the steps of a stream do."""

    __slots__ = ()

    def begin(self, now: float) -> None:
        """Record the start of the first step."""
        self.begun = self.entered = now

    @property
    def in_step(self) -> bool:
        """Whether a step is running."""
        return self.entered > self.left and self.last_cut() is Cut.NOTHING

    def last_cut(self) -> Cut:
        """How the last step was cut; `NOTHING` if it was not."""
        cut = self.cut
        return Cut.NOTHING if cut is None or cut.entered != self.entered else cut.how

    def cut_error(self) -> BaseException | None:
        """A copy of the error that cut the last step, without its traceback."""
        if self.cut is None:
            return None
        kind, arguments = self.cut.error
        return kind.__new__(kind, *arguments)

    def leave(self, chunk: Any, now: float) -> None:
        """Record the end of a step that returns `chunk`."""
        if now - self.left >= self.longest:
            self.note_gap(now)
        self.producer += now - self.entered
        self.left, self.chunks = now, self.chunks + 1
        self.size += len(chunk) if type(chunk) is self.plain else self.size_of(chunk)

    def note_gap(self, now: float) -> None:
        """Record that the gap that ends now is the longest so far, or the first chunk."""
        if self.chunks == 0:
            self.first = now
        else:
            self.longest = now - self.left
