"""System checks: `manage.py check` reports a wrong setting, with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks

from streaminstr import StreaminstrError
from streaminstr._environment import over
from streaminstr._mistakes import Mistakes
from streaminstr._sifted import plain
from streaminstr.django import _keys, _tracers, conf

if TYPE_CHECKING:
    from streaminstr._mistakes import Mistake

MIDDLEWARE = "streaminstr.django.middleware.StreamScopeMiddleware"
OUTER = ("django.middleware.gzip.", "django_structlog.middlewares.", _tracers.OPENTELEMETRY)
"""Beginnings of what has to be listed before ours: it wraps the body, or binds what is captured."""


def register() -> None:
    """Register all checks under the tag `streaminstr`."""
    for check in (check_settings, check_middleware, check_tracers):
        checks.register(check, "streaminstr")


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001 keys, E002 backend, E003 options, E004 filter, E005 end markers, E006 connections."""
    mistakes = Mistakes()
    conf.load(mistakes, getattr(settings, "STREAMINSTR", {}))
    return sorted(map(_error, mistakes.entries), key=lambda message: str(message.id))


def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """W001 missing, W002 twice, W003 not innermost."""
    listed = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in listed:
        return [] if _is_off() else [_missing()]
    inner = [path for path in listed[listed.index(MIDDLEWARE) + 1 :] if path.startswith(OUTER)]
    twice = [_twice()] if listed.count(MIDDLEWARE) > 1 else []
    return [*twice, *(_not_innermost(path) for path in inner)]


def check_tracers(**_: Any) -> list[checks.CheckMessage]:
    """W004 spans of streams without their parent, W005 each of them twice."""
    try:
        used = {name for name in _NAMES if name in _backend_modules()}
    except StreaminstrError:
        return []  # check_settings reports it
    if _tracers.bridge_is_on():
        return [_doubled()] if len(used) > 1 else []
    tracing = {name for name in _NAMES if _TRACES[name]()}
    return [_orphaned(name) for name in sorted(used - tracing) if tracing]


def _error(mistake: Mistake) -> checks.CheckMessage:
    check = _keys.CHECKS.get(mistake.key, _keys.OPTION)
    return checks.Error(mistake.text, hint=check.hint, id=f"streaminstr.{check.number}")


def _is_off() -> bool:
    raw = getattr(settings, "STREAMINSTR", {})
    return isinstance(raw, dict) and over(raw, conf.environment()).get("BACKEND", "log") is None


def _backend_modules() -> set[str]:
    setting = conf.loaded()
    backends = () if setting is None else setting.config.backends
    return {type(plain(backend)).__module__.partition(".")[0] for backend in backends}


_NAMES = {"streaminstr_ddtrace": "Datadog", "streaminstr_opentelemetry": "OpenTelemetry"}
_TRACES = {
    "streaminstr_ddtrace": _tracers.datadog_traces_requests,
    "streaminstr_opentelemetry": _tracers.opentelemetry_traces_requests,
}


def _missing() -> checks.CheckMessage:
    return checks.Warning(
        "streaminstr.django is installed, but its middleware is not listed.",
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


def _not_innermost(path: str) -> checks.CheckMessage:
    return checks.Warning(
        f"StreamScopeMiddleware is listed before {path}.",
        hint=f"Move {MIDDLEWARE!r} to the end of MIDDLEWARE.",
        id="streaminstr.W003",
    )


def _orphaned(name: str) -> checks.CheckMessage:
    (other,) = (_NAMES[one] for one in _NAMES if one != name)
    return checks.Warning(
        f"The requests are traced by {other} alone, and the streams by {_NAMES[name]}: "
        "the span of a stream has no parent.",
        hint=(
            f"Have {_NAMES[name]} trace the requests too, or choose {other}'s backend; or let "
            "ddtrace take OpenTelemetry's spans (DD_TRACE_OTEL_ENABLED with ddtrace-run)."
        ),
        id="streaminstr.W004",
    )


def _doubled() -> checks.CheckMessage:
    return checks.Warning(
        "Both backends are on, and ddtrace takes OpenTelemetry's spans too "
        "(DD_TRACE_OTEL_ENABLED): each stream has two spans in one trace.",
        hint="Keep one of the backends, or turn the bridge off.",
        id="streaminstr.W005",
    )
