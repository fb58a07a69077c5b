"""The keys of STREAMINSTR: what each takes, and which system check says so.

Most are options of `streaminstr.configure`, and come from there. One that Django alone has takes a
line in `OWN` and in `_options.DJANGO_ALONE`, and a field of `conf.Loaded`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr import StreaminstrError
from streaminstr._events import markers_by_route
from streaminstr._mistakes import DOCUMENTATION
from streaminstr.django.page import trace_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REFERENCE = f"{DOCUMENTATION}reference/settings.html lists the keys, their types and examples."


class Key(NamedTuple):
    """A key that Django alone has."""

    load: Callable[[str, Any], Any]
    """From what it is called and what is written to what it means; raises StreaminstrError."""
    default: Any
    """What is written where the key is not."""


class Check(NamedTuple):
    """The system check of a key."""

    number: str
    hint: str


def check_limit(name: str, given: Any) -> int | None:
    """How many streams may be open; raises StreaminstrError."""
    is_number = isinstance(given, int) and not isinstance(given, bool)
    if given is not None and not (is_number and given > 0):
        msg = f"{name} is {given!r:.80}. It takes a whole number above 0, or None."
        raise StreaminstrError(msg)
    return given  # type: ignore[no-any-return]


def check_options(name: str, given: Any) -> dict[str, Any]:
    """The options of the one backend; raises StreaminstrError for what is no dict."""
    if not isinstance(given, dict):
        msg = f"{name} is {given!r:.80}. It takes a dict of the backend's options."
        raise StreaminstrError(msg)
    return given


def check_bool(name: str, given: Any) -> bool:
    """`given`; raises StreaminstrError for what is no bool."""
    if not isinstance(given, bool):
        msg = f"{name} is {given!r:.80}. It takes True or False."
        raise StreaminstrError(msg)
    return given


OWN: Mapping[str, Key] = {
    "ENDS_WITH": Key(markers_by_route, {}),
    "LIMIT": Key(check_limit, None),
    "RELEASE_CONNECTIONS": Key(check_bool, False),
    "TRACE_URL": Key(trace_url.check, None),
}
CHECKS: Mapping[str, Check] = {
    "": Check("E001", REFERENCE),
    "BACKEND": Check(
        "E002", "`streaminstr backends` lists what is installed and whether it can be imported."
    ),
    "ENDS_WITH": Check(
        "E005",
        r'Write a dict such as {"chat/": b"data: [DONE]\n\n"}: the pattern of a route, its marker.',
    ),
    "FILTER": Check(
        "E004", "Write a function (request, response) -> bool, and name it by its dotted path."
    ),
    "RELEASE_CONNECTIONS": Check(
        "E006",
        "Write True, to close the connections of the request before its first chunk, or False.",
    ),
}
"""The checks that have an id of their own."""
OPTION = Check("E003", REFERENCE)
"""The check of all others."""
