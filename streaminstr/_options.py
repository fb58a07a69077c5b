"""The options of `configure`, which are keys of the setting STREAMINSTR as well.

One more takes a line in `OPTIONS`, which says what it takes, and one in `Options`, for type
checkers. `assemble` passes its value on to the field of `Config` that has its name.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from streaminstr._farewell import farewell
from streaminstr._mistakes import did_you_mean, meant_by_key
from streaminstr._process.stores import TAKES_ROSTER, is_roster, store_of
from streaminstr._sifted import TAKES_FILTER, filter_of
from streaminstr._texts import NAME
from streaminstr.log.backend import DEFAULT_LEVELS, LEVELS, is_levels
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr._process.stores import Store
    from streaminstr._texts import Exceptions
    from streaminstr.types import Parent


class Options(TypedDict, total=False):
    """The keywords of `configure`; `check_option` tells at run time what each takes."""

    options: Mapping[str, Any]
    parent: Parent
    cancelled_is_error: bool
    log_levels: Mapping[str, str | None]
    progress_interval: float | None
    segment_interval: float | None
    drain: float | None
    farewell: str | bytes | Callable[[], str | bytes] | None
    max_age: float | None
    max_stall: float | None
    filter: Callable[[Any, Any], bool] | str | None
    paused: bool
    roster: bool | Mapping[str, str] | Store | None
    span_name: str
    exceptions: Exceptions
    max_attribute_length: int | None


class Option(NamedTuple):
    """What an option takes."""

    check: Callable[[Any], bool]
    takes: str
    """The same in words, for the end of the sentence `It takes ...`."""
    load: Callable[[str, Any], Any] = lambda _, value: value
    """From what it is called and what is written to what is in the Config."""
    meant: Callable[[Any], str] = lambda _: ""
    """What was probably meant by a value that it does not take; it follows the sentence."""


def check_option(name: str, value: Any, where: str | None = None) -> Any:
    """What `value` means, if option `name` can take it; raises StreaminstrError otherwise.

    `where` is what the user has written it as; by default a keyword of `configure`.
    """
    if name not in OPTIONS:
        names = ", ".join(sorted(OPTIONS))
        meant = meant_by_key(name, ["backend", "options", *OPTIONS])
        msg = f"Unknown option {name!r}.{meant} The options are: backend, options, {names}."
        raise StreaminstrError(msg)
    option, called = OPTIONS[name], where or keyword(name)
    if not option.check(value):
        msg = f"{called} is {value!r:.80}. It takes {option.takes}.{option.meant(value)}"
        raise StreaminstrError(msg)
    return option.load(called, value)


def keyword(name: str) -> str:
    """What a keyword of `configure` is called in an error."""
    return f"Option {name!r} (in settings {name.upper()})"


def grace_of(name: str, given: Any) -> Any:
    """The option `drain`, by the key DRAIN; raises StreaminstrError."""
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) != {"GRACE"}:
        msg = f'{name} is {given!r:.80}. It takes a dict such as {{"GRACE": 20}}.'
        raise StreaminstrError(msg)
    if given["GRACE"] is None:
        msg = f'{name}["GRACE"] is None. It takes a number of seconds above 0.'
        raise StreaminstrError(msg)
    return check_option("drain", given["GRACE"], f'{name}["GRACE"]')


def _is_interval(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    )


def _is_grace(value: Any) -> bool:
    return value is None or (_is_interval(value) and value < inf)


def _is_farewell(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes) or callable(value)


def _is_filter(value: Any) -> bool:
    return value is None or isinstance(value, str) or callable(value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and NAME in value


def _meant_levels(value: Any) -> str:
    """What was meant by outcomes and levels that do not exist."""
    if not isinstance(value, dict):
        return ""
    unknown = [did_you_mean(one, DEFAULT_LEVELS) for one in value if one not in DEFAULT_LEVELS]
    levels = (one for one in value.values() if isinstance(one, str) and one not in LEVELS)
    return "".join([*unknown, *(did_you_mean(one, LEVELS) for one in levels)])


def _is_length(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


_EXCEPTIONS = ("type", "message", "stacktrace")
_SECONDS = Option(_is_interval, "a number of seconds above 0, or None")
OPTIONS: dict[str, Option] = {
    "parent": Option(lambda value: value in ("child", "link"), '"child" or "link"'),
    "cancelled_is_error": Option(_is_bool, "True or False"),
    "drain": Option(_is_grace, "a finite number of seconds above 0, or None"),
    "farewell": Option(
        _is_farewell,
        "text, bytes, a function that returns one of these, or None",
        lambda _, value: farewell(value),
    ),
    "exceptions": Option(lambda value: value in _EXCEPTIONS, '"type", "message" or "stacktrace"'),
    "filter": Option(_is_filter, f"{TAKES_FILTER}, or None", filter_of),
    "max_age": _SECONDS,
    "max_stall": _SECONDS,
    "max_attribute_length": Option(_is_length, "a whole number of characters above 0, or None"),
    "paused": Option(_is_bool, "True or False"),
    "progress_interval": _SECONDS,
    "roster": Option(is_roster, TAKES_ROSTER, lambda _, value: store_of(value)),
    "segment_interval": _SECONDS,
    "span_name": Option(_is_template, 'a text with "{name}" in it, such as "stream {name}"'),
    "log_levels": Option(
        is_levels,
        (
            "a dict of outcomes (completed, failed, cancelled, abandoned) and `opened` to levels "
            f"({', '.join(LEVELS)}) or None"
        ),
        meant=_meant_levels,
    ),
}
"""The options, by their names."""
TEXTS = ("span_name", "exceptions", "max_attribute_length")
"""Those that are fields of `Texts`."""
DJANGO_ALONE = ("ENDS_WITH", "LIMIT", "RELEASE_CONNECTIONS", "TRACE_URL")
"""Keys of STREAMINSTR that are no options."""
KEYS = tuple(sorted({"BACKEND", "OPTIONS", *DJANGO_ALONE, *(name.upper() for name in OPTIONS)}))
"""All keys of STREAMINSTR."""
