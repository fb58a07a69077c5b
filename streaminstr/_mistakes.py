"""Collects everything that is wrong with a configuration, and suggests what was meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ResultT = TypeVar("ResultT")

DOCUMENTATION = "https://streaminstr.readthedocs.io/"
"""Where hints point to: an installed package has no files of documentation."""


class Mistake(NamedTuple):
    """One thing that is wrong."""

    key: str
    """The key of STREAMINSTR that it is about; empty: the setting as a whole."""
    text: str


class Mistakes:
    """Collects the errors of several checks, to raise them as one error."""

    def __init__(self) -> None:
        self.entries: list[Mistake] = []

    def add(self, key: str, text: str) -> None:
        self.entries.append(Mistake(key, text))

    def collect(self, key: str, check: Callable[..., ResultT], *given: Any) -> ResultT | None:
        """What `check` returns; None where it raises StreaminstrError, which is collected."""
        try:
            return check(*given)
        except StreaminstrError as error:
            self.entries += [Mistake(key, str(text)) for text in error.args]
            return None

    def tell(self) -> None:
        """Raise one StreaminstrError of all that was collected, if anything was."""
        if self.entries:
            raise StreaminstrError(*(mistake.text for mistake in self.entries))


def did_you_mean(name: object, names: Iterable[str], prefix: str = "") -> str:
    """` Did you mean 'BACKEND'?`, also for a name in the wrong case; empty where none is close.

    `prefix` is shown before the name, and not compared: what all names share makes them alike.
    """
    by_fold = {one.casefold(): one for one in names}
    close = get_close_matches(str(name).casefold(), by_fold, n=1)
    return f" Did you mean {prefix + by_fold[close[0]]!r}?" if close else ""


def meant_by_key(key: object, keys: Iterable[str], prefix: str = "") -> str:
    """The same for a key of STREAMINSTR, where RATIO is looked for in vain."""
    if str(key).casefold() == "ratio":
        return ' It belongs to one backend: "BACKEND": {"BACKEND": "opentelemetry", "RATIO": 0.05}.'
    return did_you_mean(key, keys, prefix)
