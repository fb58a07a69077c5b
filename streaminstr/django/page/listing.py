"""The query parameters of the table: which rows, in which order, and which page of them.

An invalid parameter is ignored.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlencode

from streaminstr.types import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streaminstr.types import OpenStream

TURNS: tuple[str, ...] = get_args(Turn)
SORTS = ("name", "age", "idle", "chunks", "bytes", "turn", "waits_at", "worker")
"""Fields of a row that the table can be sorted by."""
DEFAULT_SORT = "-age"
_LONGEST = 200
"""Characters of a text to search for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The parameters of the table."""

    q: str = ""
    """Text to look for in the id, name, route, worker and place of a row."""
    route: str = ""
    """The route, of a stream without one the name."""
    worker: str = ""
    turn: str = ""
    age: float = 0.0
    """Seconds for which a stream has been open at least."""
    idle: float = 0.0
    """Seconds for which it has sent no chunk at least."""
    sort: str = DEFAULT_SORT
    """A field, with a minus in front: the largest first."""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Listing:
        """What the query of a request says."""
        text = {name: str(given.get(name, ""))[:_LONGEST] for name in ("q", "route", "worker")}
        turn, sort = given.get("turn", ""), given.get("sort", "")
        return cls(
            **text,
            turn=turn if turn in TURNS else "",
            age=_seconds(given.get("age")),
            idle=_seconds(given.get("idle")),
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
            page=_page(given.get("page")),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether rows may be left out."""
        return replace(self, sort=DEFAULT_SORT, page=1) != Listing()

    def pick(self, rows: Iterable[OpenStream]) -> list[OpenStream]:
        """The rows asked for, in the order asked for."""
        picked = [row for row in rows if self._takes(row)]
        field = self.sort.removeprefix("-")
        # Sorting is stable: rows that are equal stay in the order of their age.
        picked.sort(key=attrgetter(field), reverse=self.sort.startswith("-"))
        return picked

    def address(self, **changes: Any) -> str:
        """The query that asks for this with `changes`: of the first page, if not said otherwise."""
        asked = asdict(replace(self, **{"page": 1, **changes}))
        default = asdict(Listing())
        return "?" + urlencode({key: asked[key] for key in asked if asked[key] != default[key]})

    def toggled(self, field: str) -> str:
        """The query that sorts by `field`: the other way round, if it is sorted by it already."""
        first = field if field in ("name", "turn", "waits_at", "worker") else f"-{field}"
        other = field if first.startswith("-") else f"-{field}"
        return self.address(sort=other if self.sort == first else first)

    def _takes(self, row: OpenStream) -> bool:
        return (
            row.idle >= self.idle
            and row.age >= self.age
            and self.turn in ("", row.turn)
            and self.worker in ("", row.worker)
            and self.route in ("", label(row))
            and (not self.q or self._finds(row))
        )

    def _finds(self, row: OpenStream) -> bool:
        texts = (row.id, row.name, row.route or "", row.worker, row.waits_at)
        return self.q.casefold() in "\n".join(texts).casefold()


def label(row: Any) -> str:
    """By what streams are counted together: the route, of a stream without one the name."""
    return str(row.route or row.name)


def _seconds(given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        return 0.0
    return number if isfinite(number) and number > 0 else 0.0


def _page(given: Any) -> int:
    try:
        return max(int(given), 1)
    except (TypeError, ValueError):
        return 1
