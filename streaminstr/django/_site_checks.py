"""System checks of what surrounds the settings: the site's logging, and its routes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.urls import URLResolver, get_resolver
from django.urls.resolvers import LocalePrefixPattern

from streaminstr import StreaminstrError
from streaminstr._configure import configured
from streaminstr._mistakes import did_you_mean
from streaminstr._process.remembering import RosterBackend
from streaminstr.django import conf
from streaminstr.log import LogBackend, structured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streaminstr import Backend


def check_log(**_: Any) -> list[checks.CheckMessage]:
    """W013 the log is all that there is, and no handler takes its events."""
    try:
        backends = [one for one in configured().backends if not isinstance(one, RosterBackend)]
    except StreaminstrError:
        return []  # check_settings reports it
    level = _level_of(backends)
    return [] if level is None or _is_heard(level) else [_unheard(level)]


def check_routes(**_: Any) -> list[checks.CheckMessage]:
    """W014 a route of ENDS_WITH that the site does not have."""
    try:
        setting = conf.loaded()
    except StreaminstrError:
        return []  # check_settings reports it
    written = () if setting is None else setting.ends_with
    if not written or not hasattr(settings, "ROOT_URLCONF"):
        return []
    routes = set(_routes(get_resolver().url_patterns))
    if None in routes:
        return []
    return [_no_route(one, sorted(map(str, routes))) for one in written if one not in routes]


def _level_of(backends: list[Backend]) -> int | None:
    """The lowest level of `stream_closed`; None where it is not all that there is."""
    logs = [one for one in backends if isinstance(one, LogBackend)]
    levels = [one.level for one in logs if one.level is not None]
    return min(levels, default=None) if len(logs) == len(backends) else None


def _is_heard(level: int) -> bool:
    """Whether a handler takes what is logged at `level`. The last resort takes warnings alone."""
    structlog = structured.installed()
    if structlog is not None:
        factory = structlog.get_config()["logger_factory"]
        if not isinstance(factory, structlog.stdlib.LoggerFactory):
            return True  # it prints by itself, or has a way of its own
    logger = logging.getLogger("streaminstr")
    return logger.isEnabledFor(level) and any(one.level <= level for one in _handlers(logger))


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _routes(patterns: Iterable[Any], before: str = "") -> Iterator[str | None]:
    """All routes, as `request.resolver_match.route` has them; None for those of a language."""
    for one in patterns:
        if isinstance(one.pattern, LocalePrefixPattern):
            yield None
        own = str(one.pattern)
        route = before + (own.removeprefix("^") if before else own)
        if isinstance(one, URLResolver):
            yield from _routes(one.url_patterns, route)
        else:
            yield route


def _unheard(level: int) -> checks.CheckMessage:
    name = logging.getLevelName(level)
    return checks.Warning(
        "The backend is log, and nothing shows its events: no handler takes what the logger "
        f"'streaminstr' logs at {name}. Django's default LOGGING has none for it.",
        hint=(
            'Write LOGGING = {"version": 1, "disable_existing_loggers": False, "handlers": '
            '{"console": {"class": "logging.StreamHandler"}}, "loggers": {"streaminstr": '
            f'{{"handlers": ["console"], "level": "{name}"}}}}}}.'
        ),
        id="streaminstr.W013",
    )


def _no_route(route: str, routes: list[str]) -> checks.CheckMessage:
    return checks.Warning(
        f'STREAMINSTR["ENDS_WITH"] names the route {route!r}, which the site does not have: no '
        f"response is checked for its end marker.{did_you_mean(route, routes)}",
        hint="Write the pattern of the route, as it stands in urls.py, with what include() adds.",
        id="streaminstr.W014",
    )
