"""Environment variables, which override the settings: STREAMINSTR_BACKEND and one for each key.

They are read once, when a setting is first used. A scalar is text, a dict or list is JSON. An empty
variable counts as not set, as with OpenTelemetry's variables.
"""

from __future__ import annotations

import os
from functools import cache
from json import loads
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import logger
from streaminstr._mistakes import meant_by_key
from streaminstr._options import KEYS, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "STREAMINSTR_"
RESERVED = {"PURE"}
"""Names that have a meaning elsewhere: this one leaves a compiled step out."""


@cache
def in_environment() -> Mapping[str, Any]:
    """The keys of STREAMINSTR that the environment has, with their values."""
    for name in unknown():
        logger.warning("%s", describe_unknown(name))
    texts = {key: os.environ.get(PREFIX + key) for key in KEYS}
    return {key: _value_of(key, text) for key, text in texts.items() if text}


def unknown() -> list[str]:
    """The variables with our prefix that no key has."""
    names = (name for name in os.environ if name.startswith(PREFIX))
    return sorted(name for name in names if name.removeprefix(PREFIX) not in {*KEYS, *RESERVED})


def describe_unknown(name: str) -> str:
    """What is wrong with a variable, and which one was probably meant."""
    meant = meant_by_key(name.removeprefix(PREFIX), KEYS, PREFIX)
    return f"The environment variable {name} is unknown, and has no effect.{meant}"


def variable(key: str) -> str:
    """What the variable of a key is called in an error."""
    return f"The environment variable {PREFIX}{key}"


def over(given: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, by the keys of STREAMINSTR, overridden by the environment.

    A backend that both name keeps its options; other backends of `given` are dropped.
    """
    merged = {**given, **environment}
    if "BACKEND" not in environment:
        return merged
    if "OPTIONS" not in environment:
        merged.pop("OPTIONS", None)
        written = dict(_entries(given))
        chosen = environment["BACKEND"]
        several = isinstance(chosen, list)
        entries = [_entry(one, written) for one in (chosen if several else [chosen])]
        merged["BACKEND"] = entries if several else entries[0]
    return merged


def _entry(chosen: Any, written: Mapping[str, Any]) -> Any:
    return written.get(chosen, chosen) if isinstance(chosen, str) else chosen


def _entries(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is written about each backend that has a name."""
    backend = given.get("BACKEND")
    if isinstance(backend, str) and given.get("OPTIONS"):
        yield backend, {"BACKEND": backend, "OPTIONS": given["OPTIONS"]}
    for one in backend if isinstance(backend, list | tuple) else [backend]:
        if isinstance(one, dict) and isinstance(one.get("BACKEND"), str):
            yield one["BACKEND"], one


def _value_of(key: str, text: str) -> Any:
    value = _parsed(text)
    if key == "BACKEND" and isinstance(value, str) and "," in value:
        return [name.strip() for name in value.split(",") if name.strip()]
    option = OPTIONS.get(key.lower())
    # What takes text takes `60` and `{}`, too, as it is.
    if option is not None and not option.check(value) and option.check(text):
        return text
    return value


def _parsed(text: str) -> Any:
    """None, a bool, a number, or what JSON makes of it; anything else is text."""
    words = {"none": None, "true": True, "false": False}
    if text.casefold() in words:
        return words[text.casefold()]
    try:
        return loads(text)
    except ValueError:
        return text
