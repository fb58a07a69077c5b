"""The setting STREAMINSTR, read when it is used, so that `override_settings` works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from streaminstr import _configure
from streaminstr._environment import in_environment, over, variable
from streaminstr._mistakes import Mistakes, meant_by_key
from streaminstr._options import KEYS, OPTIONS, grace_of
from streaminstr._sifted import filter_of
from streaminstr.django import _keys
from streaminstr.django._cached import store_in
from streaminstr.django._keys import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._configure import Settings
    from streaminstr._core.config import Config
    from streaminstr._sifted import Filter

__all__ = [
    "KEYS",
    "Loaded",
    "adopt",
    "build",
    "check_keys",
    "check_options",
    "load_filter",
    "loaded",
]
_UNSET: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The setting as it was written, and what it means: a field for each key in `_keys.OWN`."""

    raw: Any
    config: Settings
    ends_with: Mapping[str, tuple[bytes, ...]]
    release_connections: bool
    limit: int | None = None
    """How many streams may be open in a process; None: any number."""
    trace_url: str | None = None
    """The address of a stream's trace, with the names of ids in braces."""
    is_limited: bool = False
    """Whether a stream may be refused: at the limit, or because the process drains."""

    @property
    def filter(self) -> Filter | None:
        """Which responses have a scope; None: all."""
        return self.config.filter


_loaded: Loaded | None = None
_overriding = 0
"""How many blocks of `override_settings` are open that say something about STREAMINSTR."""


def adopt() -> None:
    """Apply the setting to `streaminstr.stream` and `streamed`, too."""
    _configure.adapt(_config_in_settings)


def loaded() -> Loaded | None:
    """What STREAMINSTR and the environment say, or None where neither does.

    Raises StreaminstrError, of all that is wrong.
    """
    global _loaded  # noqa: PLW0603 - one process has one Django settings
    raw = getattr(settings, "STREAMINSTR", _UNSET)
    if raw is _UNSET and (_configure.has_configured() or not environment()):
        return None
    setting = _loaded
    if setting is None or setting.raw is not raw:
        mistakes = Mistakes()
        own = load(mistakes, {} if raw is _UNSET else raw)
        mistakes.tell()
        is_limited = own["limit"] is not None or own["config"].drain is not None
        setting = _loaded = Loaded(raw=raw, is_limited=is_limited, **own)
    return setting


def environment() -> Mapping[str, Any]:
    """What the environment says over the setting: nothing inside of `override_settings`."""
    return {} if _overriding else in_environment()


@receiver(setting_changed)
def _note_override(*, setting: str, enter: bool, **_: Any) -> None:
    global _loaded, _overriding  # noqa: PLW0603 - as above
    if setting == "STREAMINSTR":
        _loaded = None
        _overriding = max(_overriding + (1 if enter else -1), 0)


def load(mistakes: Mistakes, raw: Any) -> dict[str, Any]:
    """The fields of `Loaded`; all that is wrong with `raw` and the environment is in `mistakes`."""
    mistakes.collect("", check_keys, raw)
    if not isinstance(raw, dict):
        return {}
    merged = over(raw, environment())
    own = {
        key.lower(): mistakes.collect(key, one.load, where(key), merged.get(key, one.default))
        for key, one in OWN.items()
    }
    return {**own, "config": _config_of(mistakes, merged)}


def where(key: str) -> str:
    """What the user has written a key as, in an error."""
    return variable(key) if key in environment() else f'STREAMINSTR["{key}"]'


def _config_in_settings() -> Config | None:
    setting = loaded()
    return None if setting is None else setting.config


def build(raw: Any) -> Settings:
    """The Config that the setting describes; raises StreaminstrError."""
    check_keys(raw)
    mistakes = Mistakes()
    config = _config_of(mistakes, raw)
    mistakes.tell()
    return config


def _config_of(mistakes: Mistakes, raw: dict[str, Any]) -> Settings:
    options = mistakes.collect(
        "OPTIONS", _keys.check_options, where("OPTIONS"), raw.get("OPTIONS", {})
    )
    grace = mistakes.collect("DRAIN", grace_of, where("DRAIN"), raw.get("DRAIN"))
    more = {
        key.lower(): value for key, value in raw.items() if key in KEYS and key.lower() in OPTIONS
    }
    if "drain" in more:
        more["drain"] = grace
    if "roster" in more:
        more["roster"] = mistakes.collect("ROSTER", store_in, where("ROSTER"), raw["ROSTER"])
    return _configure.collect(
        mistakes, lambda name: where(name.upper()), raw.get("BACKEND", "log"), options or {}, more
    )


def check_keys(raw: Any) -> None:
    """Raise StreaminstrError if `raw` is not a dict, and for keys that do not exist."""
    mistakes = Mistakes()
    if not isinstance(raw, dict):
        text = f'STREAMINSTR is {raw!r:.80}. Write a dict, such as {{"BACKEND": "opentelemetry"}}.'
        mistakes.add("", text)
    else:
        for key in raw:
            if key not in KEYS:
                mistakes.add("", _unknown(key))
    mistakes.tell()


def _unknown(key: object) -> str:
    meant = meant_by_key(key, KEYS)
    return f"STREAMINSTR has the unknown key {key!r}.{meant} The keys are: {', '.join(KEYS)}."


def check_options(raw: dict[str, Any]) -> None:
    """Raise StreaminstrError for an option with a wrong value."""
    mistakes = Mistakes()
    load(mistakes, {**raw, "BACKEND": None})
    mistakes.tell()


def load_filter(raw: dict[str, Any]) -> Filter | None:
    """The callable that FILTER names; raises StreaminstrError."""
    return filter_of(where("FILTER"), raw.get("FILTER"))
