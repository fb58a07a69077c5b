"""What a kind of body is. The kinds themselves are in the files that `catalogue` lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of body, and what the tests have to know of it."""

    name: str
    make: Callable[[Any], Any]
    begun: bool = False
    """It was entered before it is given to a stream: it belongs to its caller's Context."""
    ends: bool | None = True
    """Whether an exception finishes it; None: a part of it only."""
    fails: bool = True
    """Whether its chunks are asked of the world, which may raise."""
    sends: bool = False
    """Whether its iterator has `send` and `throw`."""
    may: str | None = None
    """A note of which it is not laid down whether it is taken."""
    not_by: str = ""
    """The consumer that Python itself cannot use it with."""
    taken: int = 0
    """How many of its chunks were taken before and are gone."""
    holds: bool = False
    """Whether it holds a group of tasks, which must be left in the task that has entered it."""
    tasks: bool = False
    """Whether its steps are tasks of their own."""
    goes_on: bool = True
    """Whether it may be stepped once more after its end."""
    moves: bool = True
    """Whether it may be stepped in another thread or another task."""

    def __repr__(self):
        return self.name


KINDS: dict[str, Kind] = {}
ASYNC_KINDS: dict[str, Kind] = {}


def kind(name, *, into=KINDS, **facts):
    """Register what makes a kind of body."""

    def register(make):
        into[name] = Kind(name=name, make=make, **facts)
        return make

    return register


async_kind = partial(kind, into=ASYNC_KINDS)
