"""The setting STREAMINSTR, read when it is used, so that `override_settings` works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from streaminstr import _configure
from streaminstr._mistakes import Mistakes, did_you_mean
from streaminstr.django import _keys
from streaminstr.django._keys import KEYS, OWN, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr._core.config import Config
    from streaminstr.django._keys import Filter

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
    config: Config
    filter: Filter | None
    ends_with: Mapping[str, tuple[bytes, ...]]
    release_connections: bool
    limit: int | None = None
    """How many streams may be open in a process; None: any number."""

    @property
    def is_limited(self) -> bool:
        """Whether a stream may be refused: at the limit, or because the process drains."""
        return self.limit is not None or self.config.drain is not None


_loaded: Loaded | None = None


def adopt() -> None:
    """Apply the setting to `streaminstr.stream` and `streamed`, too."""
    _configure.adapt(_config_in_settings)


def loaded() -> Loaded | None:
    """What STREAMINSTR says, or None where it is not set; raises StreaminstrError."""
    global _loaded  # noqa: PLW0603 - one process has one Django settings
    raw = getattr(settings, "STREAMINSTR", _UNSET)
    if raw is _UNSET:
        return None
    setting = _loaded
    if setting is None or setting.raw is not raw:
        mistakes = Mistakes()
        own = load(mistakes, raw)
        mistakes.tell()
        setting = _loaded = Loaded(raw=raw, **own)
    return setting


def load(mistakes: Mistakes, raw: Any) -> dict[str, Any]:
    """The fields of `Loaded`; what is wrong with `raw`, all of it, is in `mistakes`."""
    if mistakes.collect("", check_keys, raw) is None and not isinstance(raw, dict):
        return {}
    own = {
        key.lower(): mistakes.collect(key, one.load, where(key), raw.get(key, one.default))
        for key, one in OWN.items()
    }
    return {**own, "config": _config_of(mistakes, raw)}


def _config_in_settings() -> Config | None:
    setting = loaded()
    return None if setting is None else setting.config


def build(raw: Any) -> Config:
    """The Config that the setting describes; raises StreaminstrError."""
    check_keys(raw)
    mistakes = Mistakes()
    config = _config_of(mistakes, raw)
    mistakes.tell()
    return config


def _config_of(mistakes: Mistakes, raw: dict[str, Any]) -> Config:
    options = mistakes.collect(
        "OPTIONS", _keys.check_options, where("OPTIONS"), raw.get("OPTIONS", {})
    )
    grace = mistakes.collect("DRAIN", _keys.grace_of, where("DRAIN"), raw.get("DRAIN"))
    more = {
        key.lower(): value
        for key, value in raw.items()
        if key in KEYS and key not in {"BACKEND", "OPTIONS", *OWN}
    }
    if "drain" in more:
        more["drain"] = grace
    return _configure.collect(
        mistakes, lambda name: where(name.upper()), raw.get("BACKEND", "log"), options or {}, more
    )


def check_keys(raw: Any) -> bool:
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
    return True


def _unknown(key: object) -> str:
    meant = did_you_mean(key, KEYS)
    return f"STREAMINSTR has the unknown key {key!r}.{meant} The keys are: {', '.join(KEYS)}."


def check_options(raw: dict[str, Any]) -> None:
    """Raise StreaminstrError for an option with a wrong value."""
    mistakes = Mistakes()
    load(mistakes, {**raw, "BACKEND": None})
    mistakes.tell()


def load_filter(raw: dict[str, Any]) -> Filter | None:
    """The callable that FILTER names; raises StreaminstrError."""
    return _keys.filter_of(where("FILTER"), raw.get("FILTER"))
