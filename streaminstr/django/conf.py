"""The setting STREAMINSTR, read when it is used, so that `override_settings` works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from streaminstr import StreaminstrError, _configure
from streaminstr._events import markers_by_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from streaminstr._core.config import Config

    Filter = Callable[[HttpRequest, HttpResponseBase], bool]

KEYS = (
    "BACKEND",
    "CANCELLED_IS_ERROR",
    "DRAIN",
    "ENDS_WITH",
    "FAREWELL",
    "FILTER",
    "LIMIT",
    "LOG_LEVELS",
    "MAX_AGE",
    "MAX_STALL",
    "OPTIONS",
    "PARENT",
    "PROGRESS_INTERVAL",
    "RELEASE_CONNECTIONS",
)
_ADAPTERS_OWN = ("BACKEND", "ENDS_WITH", "FILTER", "LIMIT", "RELEASE_CONNECTIONS")
"""Keys that are no options of `streaminstr.configure`."""
_UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The setting as it was written, and what it means."""

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
        setting = _loaded = Loaded(
            raw,
            build(raw),
            load_filter(raw),
            load_markers(raw),
            load_release(raw),
            raw.get("LIMIT"),
        )
    return setting


def _config_in_settings() -> Config | None:
    setting = loaded()
    return None if setting is None else setting.config


def build(raw: Any) -> Config:
    """The Config that the setting describes; raises StreaminstrError."""
    check_keys(raw)
    check_options(raw)
    options = {key.lower(): value for key, value in raw.items() if key not in _ADAPTERS_OWN}
    if raw.get("DRAIN") is not None:
        options["drain"] = raw["DRAIN"]["GRACE"]
    return _configure.build(raw.get("BACKEND", "log"), **options)


def check_keys(raw: Any) -> None:
    """Raise StreaminstrError if `raw` is not a dict, and for keys that do not exist."""
    if not isinstance(raw, dict):
        msg = f'STREAMINSTR is {raw!r:.80}. Write a dict, such as {{"BACKEND": "opentelemetry"}}.'
        raise StreaminstrError(msg)
    if unknown := sorted(str(key) for key in raw if key not in KEYS):
        msg = f"STREAMINSTR has unknown keys: {', '.join(unknown)}. Known are: {', '.join(KEYS)}."
        raise StreaminstrError(msg)


def check_options(raw: dict[str, Any]) -> None:
    """Raise StreaminstrError for an option with a wrong value."""
    options = raw.get("OPTIONS", {})
    if not isinstance(options, dict):
        msg = (
            f"STREAMINSTR['OPTIONS'] is {options!r:.80}. It takes a dict of the backend's options."
        )
        raise StreaminstrError(msg)
    for key, value in raw.items():
        if key == "DRAIN":
            check_drain(value)
        elif key == "LIMIT":
            check_limit("STREAMINSTR['LIMIT']", value)
        elif key not in (*_ADAPTERS_OWN, "OPTIONS"):
            _configure.check_option(key.lower(), value)


def check_drain(given: Any) -> None:
    """Raise StreaminstrError if DRAIN does not say how long open streams have."""
    if given is None:
        return
    if not isinstance(given, dict) or set(given) != {"GRACE"}:
        msg = f"STREAMINSTR['DRAIN'] is {given!r:.80}. It takes a dict such as {{\"GRACE\": 20}}."
        raise StreaminstrError(msg)
    if given["GRACE"] is None:
        msg = "STREAMINSTR['DRAIN']['GRACE'] is None. It takes a number of seconds above 0."
        raise StreaminstrError(msg)
    _configure.check_option("drain", given["GRACE"])


def check_limit(name: str, given: Any) -> None:
    """Raise StreaminstrError if `given` does not say how many streams may be open."""
    is_number = isinstance(given, int) and not isinstance(given, bool)
    if given is not None and not (is_number and given > 0):
        msg = f"{name} is {given!r:.80}. It takes a whole number above 0, or None."
        raise StreaminstrError(msg)


def load_markers(raw: dict[str, Any]) -> dict[str, tuple[bytes, ...]]:
    """The end markers by route; raises StreaminstrError."""
    return markers_by_route("STREAMINSTR['ENDS_WITH']", raw.get("ENDS_WITH", {}))


def load_release(raw: dict[str, Any]) -> bool:
    """Whether database connections are released; raises StreaminstrError for what is no bool."""
    release = raw.get("RELEASE_CONNECTIONS", False)
    if not isinstance(release, bool):
        msg = f"STREAMINSTR['RELEASE_CONNECTIONS'] is {release!r:.80}. It takes True or False."
        raise StreaminstrError(msg)
    return release


def load_filter(raw: dict[str, Any]) -> Filter | None:
    """The callable that FILTER names; raises StreaminstrError."""
    chosen = raw.get("FILTER")
    if isinstance(chosen, str):
        try:
            chosen = import_string(chosen)
        except ImportError as error:
            msg = f"STREAMINSTR['FILTER'] cannot be imported: {error}"
            raise StreaminstrError(msg) from error
    if chosen is not None and not callable(chosen):
        msg = (
            f"STREAMINSTR['FILTER'] is {chosen!r:.80}. "
            "It takes a callable (request, response) -> bool, or the dotted path of one."
        )
        raise StreaminstrError(msg)
    return chosen
