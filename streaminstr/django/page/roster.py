"""All that the page reads from the roster, and the requests that it sends there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streaminstr import _configure
from streaminstr._calls.guard import guarded
from streaminstr._core.config import OFF
from streaminstr._process.rows import name_here

if TYPE_CHECKING:
    from typing import Literal

    from streaminstr._process.rows import CloseResult, EndedStream, Sample, Table
    from streaminstr.types import OpenStream

    Change = Literal["pause", "resume"]


class Pausing(NamedTuple):
    """Which workers open scopes for new streams."""

    is_possible: bool
    """Whether this process has a backend: without one there is nothing to pause or resume."""
    begins_paused: bool
    """Whether the setting PAUSED has each worker begin without scopes."""
    paused: list[str]
    """The workers that open none, by name."""
    others: list[str]
    """The workers that open them."""

    @property
    def total(self) -> int:
        """How many workers are known."""
        return len(self.paused) + len(self.others)


class Answers(NamedTuple):
    """What came of a request to all workers."""

    done: list[str]
    """The workers that have done it, by name."""
    refused: list[tuple[str, str]]
    """Those that could not, and why."""
    silent: list[str]
    """Those that have not answered yet."""


def has_roster() -> bool:
    """Whether the setting ROSTER is on; without it the page sees this process alone."""
    return _configure.roster().is_on


def table() -> Table:
    """What is open in all processes, the processes, and what has just ended."""
    return _configure.roster().table()


def find(stream_id: str) -> OpenStream | EndedStream | None:
    """The stream of this id, open or ended a short time ago; None where no process knows it."""
    seen = table()
    both: tuple[OpenStream | EndedStream, ...] = (*seen.rows, *seen.ended)
    matches = (one for one in both if one.id == stream_id)
    return next(matches, None)


def samples(stream_id: str) -> tuple[Sample, ...]:
    """What an open stream had sent at moments of its life; empty without the setting ROSTER."""
    return _configure.roster().timeline(stream_id)


def close(stream_id: str, reason: str) -> CloseResult:
    """Have a stream end, in whatever process it is; waits for two seconds at most."""
    return _configure.roster().request_close(stream_id, reason)


def pausing(seen: Table) -> Pausing:
    """Which of the workers in `seen`, and this one, are paused."""
    config = guarded(_configure.configured, default=OFF)
    states = {worker.name: worker.paused for worker in seen.workers}
    states[name_here()] = _configure.is_paused()
    return Pausing(
        is_possible=bool(config.backends),
        begins_paused=isinstance(config, _configure.Settings) and config.paused,
        paused=sorted(name for name, is_paused in states.items() if is_paused),
        others=sorted(name for name, is_paused in states.items() if not is_paused),
    )


def change(do: Change) -> Answers:
    """Ask all workers to pause or to resume; waits for two seconds at most."""
    workers = {worker.name for worker in table().workers}
    answers = _configure.roster().send(do)
    return Answers(
        done=sorted(name for name, answer in answers.items() if answer == f"{do}d"),
        refused=sorted(one for one in answers.items() if one[1] != f"{do}d"),
        silent=sorted(workers - answers.keys()),
    )
