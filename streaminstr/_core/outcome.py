"""The table that decides how a stream ended. docs/reference/outcomes.md is generated from it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from streaminstr._calls.cancellation import is_cancellation
from streaminstr.types import CancelledBy, Outcome


class Ending(enum.Enum):
    """What ended a stream."""

    EXHAUSTED = "the body is exhausted"
    RAISED = "an exception comes out of a step"
    STOPPED = "SystemExit or KeyboardInterrupt comes out of a step"
    INTERRUPTED = "a cancellation comes out of a step"
    CLOSED = "the stream is closed"
    DROPPED = "the garbage collector finds the stream"


class Cut(enum.Enum):
    """A second condition beside the ending, such as how the last step was cut."""

    NOTHING = "nothing"
    TIMEOUT = "its last step raised TimeoutError and the body could go on"
    CANCELLATION = "its last step was cancelled and the body could go on"
    TRUNCATED = "the body ends without its end marker"
    REPORTED = "the body said that it failed"
    OUTLIVED = "the stream or request that made it was cut"


class Row(NamedTuple):
    """One line of the table."""

    outcome: Outcome
    cause: Literal["none", "server", "known"]
    """`known`: the one that requested the end, else what the net saw, else a stopping process."""


_CANCELLED = Row(Outcome.CANCELLED, "known")
_FAILED = Row(Outcome.FAILED, "none")

TABLE: dict[tuple[Ending, Cut], Row] = {
    (Ending.EXHAUSTED, Cut.NOTHING): Row(Outcome.COMPLETED, "none"),
    (Ending.EXHAUSTED, Cut.TRUNCATED): _FAILED,
    (Ending.RAISED, Cut.NOTHING): _FAILED,
    (Ending.STOPPED, Cut.NOTHING): Row(Outcome.CANCELLED, "server"),
    (Ending.INTERRUPTED, Cut.NOTHING): _CANCELLED,
    (Ending.CLOSED, Cut.NOTHING): _CANCELLED,
    (Ending.CLOSED, Cut.TIMEOUT): _FAILED,
    (Ending.CLOSED, Cut.CANCELLATION): _CANCELLED,
    (Ending.DROPPED, Cut.NOTHING): Row(Outcome.ABANDONED, "none"),
    (Ending.DROPPED, Cut.TIMEOUT): _FAILED,
    (Ending.DROPPED, Cut.CANCELLATION): _CANCELLED,
    (Ending.DROPPED, Cut.OUTLIVED): _CANCELLED,
    **{(ending, Cut.REPORTED): _FAILED for ending in Ending},
}
"""A pair that is not in the table uses the row with `Cut.NOTHING`."""


def decide(
    ending: Ending, cut: Cut, causes: Callable[[], Iterable[CancelledBy | None]]
) -> tuple[Outcome, CancelledBy | None]:
    """The outcome, and who cut the stream short: the first of `causes()` that is not None."""
    row = TABLE.get((ending, cut)) or TABLE[ending, Cut.NOTHING]
    if row.cause == "known":
        return row.outcome, next(filter(None, causes()), None)
    return row.outcome, "server" if row.cause == "server" else None


def ending_of(error: BaseException | None) -> Ending:
    """The ending that an exception out of a step means; None: the body is exhausted."""
    if error is None:
        return Ending.EXHAUSTED
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        # A worker that has to stop raises SystemExit inside a step (gunicorn's --timeout).
        return Ending.STOPPED
    return Ending.INTERRUPTED if is_cancellation(error) else Ending.RAISED
