"""System checks: `manage.py check` reports a wrong setting, with what to write instead."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks

from streaminstr._environment import describe_unknown, over, unknown
from streaminstr._mistakes import Mistakes
from streaminstr.django import _keys, conf
from streaminstr.django._roster_checks import check_roster
from streaminstr.django._site_checks import check_log, check_routes
from streaminstr.django._tracer_checks import check_tracers

if TYPE_CHECKING:
    from streaminstr._mistakes import Mistake

__all__ = [
    "MIDDLEWARE",
    "check_log",
    "check_middleware",
    "check_names",
    "check_roster",
    "check_routes",
    "check_settings",
    "check_tracers",
    "register",
]
MIDDLEWARE = "streaminstr.django.middleware.StreamScopeMiddleware"
NETS = ("streaminstr.asgi.", "streaminstr.wsgi.", "streaminstr.starlette.")
_NEAR = 0.85
"""Least similarity of two names, from 0 to 1. STREAMING and STREAMINSTR have 0.8."""


def register() -> None:
    """Register all checks under the tag `streaminstr`."""
    own = (check_settings, check_names, check_middleware)
    for check in (*own, check_tracers, check_roster, check_log, check_routes):
        checks.register(check, "streaminstr")


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001 keys, E002 backend, E003 options, E004 filter, E005 end markers, E006 connections."""
    mistakes = Mistakes()
    conf.load(mistakes, getattr(settings, "STREAMINSTR", {}))
    return sorted(map(_error, mistakes.entries), key=lambda message: str(message.id))


def check_names(**_: Any) -> list[checks.CheckMessage]:
    """W007 variables of the environment, W008 settings: their names are nearly right."""
    variables = (_unknown_variable(name) for name in unknown())
    return [*variables, *(_unknown_setting(name) for name in dir(settings) if _is_near(name))]


def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """E007 a net, W001 missing, W002 twice, W003 not innermost."""
    listed = list(settings.MIDDLEWARE)
    nets = [_net(path) for path in listed if path.startswith(NETS)]
    if MIDDLEWARE not in listed:
        return nets if nets or _is_off() else [_missing(listed)]
    inner = [path for path in listed[listed.index(MIDDLEWARE) + 1 :] if path != MIDDLEWARE]
    twice = [_twice()] if listed.count(MIDDLEWARE) > 1 else []
    return [*nets, *twice, *([_not_innermost(inner)] if inner else [])]


def _error(mistake: Mistake) -> checks.CheckMessage:
    check = _keys.CHECKS.get(mistake.key, _keys.OPTION)
    return checks.Error(mistake.text, hint=check.hint, id=f"streaminstr.{check.number}")


def _is_off() -> bool:
    raw = getattr(settings, "STREAMINSTR", {})
    return isinstance(raw, dict) and over(raw, conf.environment()).get("BACKEND", "log") is None


def _is_near(name: str) -> bool:
    """Whether a setting is nearly called STREAMINSTR."""
    if name == "STREAMINSTR" or not name.isupper():
        return False
    is_close = SequenceMatcher(None, "STREAMINSTR", name).ratio() > _NEAR
    return is_close or name.startswith("STREAMINSTR")


def _missing(listed: list[str]) -> checks.CheckMessage:
    others = [path for path in listed if path.startswith("streaminstr")]
    return checks.Warning(
        "streaminstr.django is installed, but its middleware is not listed."
        + "".join(f" There is none called {path}." for path in others),
        hint=(
            f"Add {MIDDLEWARE!r} to the end of MIDDLEWARE. "
            "Where the decorator alone is meant, silence this check."
        ),
        id="streaminstr.W001",
    )


def _twice() -> checks.CheckMessage:
    return checks.Warning(
        "StreamScopeMiddleware is listed more than once.",
        hint="Keep the last one.",
        id="streaminstr.W002",
    )


def _not_innermost(inner: list[str]) -> checks.CheckMessage:
    return checks.Warning(
        f"StreamScopeMiddleware is listed before {', '.join(inner)}: it does not see the body that "
        "they make, nor what they bind.",
        hint=f"Move {MIDDLEWARE!r} to the end of MIDDLEWARE.",
        id="streaminstr.W003",
    )


def _net(path: str) -> checks.CheckMessage:
    return checks.Error(
        f"MIDDLEWARE lists {path}, which is no middleware of Django: it takes a whole application.",
        hint=(
            f"Write {MIDDLEWARE!r}, and put the other round the application, in asgi.py or wsgi.py."
        ),
        id="streaminstr.E007",
    )


def _unknown_variable(name: str) -> checks.CheckMessage:
    return checks.Warning(describe_unknown(name), hint=_keys.REFERENCE, id="streaminstr.W007")


def _unknown_setting(name: str) -> checks.CheckMessage:
    return checks.Warning(
        f"The setting {name} has no effect. Did you mean STREAMINSTR?",
        hint=f'Everything is in one dict: STREAMINSTR = {{"BACKEND": ...}}. {_keys.REFERENCE}',
        id="streaminstr.W008",
    )
