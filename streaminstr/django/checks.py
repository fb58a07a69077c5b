"""System checks: `manage.py check` reports a wrong setting, with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

from streaminstr import StreaminstrError, _registry
from streaminstr._process.directory import Directory
from streaminstr._process.stores import store_of
from streaminstr.django import _tracers, conf
from streaminstr.django._cached import CacheStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.cache.backends.base import BaseCache

MIDDLEWARE = "streaminstr.django.middleware.StreamScopeMiddleware"
OUTER = ("django.middleware.gzip.", "django_structlog.middlewares.", _tracers.OPENTELEMETRY)
"""Beginnings of what has to be listed before ours: it wraps the body, or binds what is captured."""
_REFERENCE = "docs/reference/settings.md lists the keys, their types and examples."
_FILTER = "Write a function (request, response) -> bool, and name it by its dotted path."
_MARKERS = (
    r'Write a dict such as {"chat/": b"data: [DONE]\n\n"}: the pattern of a route, its marker.'
)
_RELEASE = "Write True, to close the connections of the request before its first chunk, or False."
_BACKEND = "`streaminstr backends` lists what is installed and whether it can be imported."


def register() -> None:
    """Register all checks under the tag `streaminstr`."""
    for check in (check_settings, check_middleware, check_tracers, check_roster):
        checks.register(check, "streaminstr")


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001 keys, E002 backend, E003 options, E004 filter, E005 end markers, E006 connections."""
    raw = getattr(settings, "STREAMINSTR", {})
    if errors := list(_errors("E001", _REFERENCE, conf.check_keys, raw)):
        return errors
    if errors := list(_errors("E003", _REFERENCE, conf.check_options, raw)):
        return errors
    return [
        *_errors("E002", _BACKEND, _resolve, raw),
        *_errors("E004", _FILTER, conf.load_filter, raw),
        *_errors("E005", _MARKERS, conf.load_markers, raw),
        *_errors("E006", _RELEASE, conf.load_release, raw),
    ]


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


def check_roster(**_: Any) -> list[checks.CheckMessage]:
    """W007 a cache that one process has alone, W008 a directory that must not be used."""
    raw = getattr(settings, "STREAMINSTR", {})
    given = raw.get("ROSTER") if isinstance(raw, dict) else None
    if not given or list(_errors("E003", "", conf.check_roster, given)):
        return []  # off, or check_settings reports it
    store = store_of(conf.load_roster(given))
    if isinstance(store, CacheStore):
        cache = caches[store.alias]
        return [_alone(cache)] if isinstance(cache, LocMemCache | DummyCache) else []
    try:
        if isinstance(store, Directory):
            store.check()
    except StreaminstrError as error:
        return [_refused(error)]
    return []


def _errors(
    number: str, hint: str, check: Callable[[Any], object], raw: Any
) -> Iterator[checks.CheckMessage]:
    try:
        check(raw)
    except StreaminstrError as error:
        yield checks.Error(str(error), hint=hint, id=f"streaminstr.{number}")


def _resolve(raw: dict[str, Any]) -> None:
    _registry.resolve(raw.get("BACKEND", "log"), raw.get("OPTIONS", {}))


def _is_off() -> bool:
    raw = getattr(settings, "STREAMINSTR", {})
    return isinstance(raw, dict) and raw.get("BACKEND", "log") is None


def _backend_modules() -> set[str]:
    setting = conf.loaded()
    backends = () if setting is None else setting.config.backends
    return {type(backend).__module__.partition(".")[0] for backend in backends}


_NAMES = {"streaminstr_ddtrace": "Datadog", "streaminstr_opentelemetry": "OpenTelemetry"}
_TRACES = {
    "streaminstr_ddtrace": _tracers.datadog_traces_requests,
    "streaminstr_opentelemetry": _tracers.opentelemetry_traces_requests,
}


def _alone(cache: BaseCache) -> checks.CheckMessage:
    return checks.Warning(
        f"ROSTER is kept in a {type(cache).__name__}, which no two processes share.",
        hint=(
            'Name a cache in Redis, Valkey, memcached or a database; or write "ROSTER": True '
            "for the workers of one host."
        ),
        id="streaminstr.W007",
    )


def _refused(error: StreaminstrError) -> checks.CheckMessage:
    return checks.Warning(str(error), hint="No worker is seen until then.", id="streaminstr.W008")


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
