"""System checks: a wrong setting is told by `manage.py check`, with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks

from streaminstr import StreaminstrError, _config, _registry
from streaminstr.django import conf

if TYPE_CHECKING:
    from collections.abc import Iterator

MIDDLEWARE = "streaminstr.django.middleware.StreamScopeMiddleware"
OUTER = (
    "django.middleware.gzip.GZipMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
)
"""Middleware that has to be listed before ours: they wrap the body, or bind what it logs."""


def register() -> None:
    """Register both checks under the tag `streaminstr`."""
    checks.register(check_settings, "streaminstr")
    checks.register(check_middleware, "streaminstr")


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001 keys, E002 backend, E003 options, E004 filter."""
    raw = getattr(settings, "STREAMINSTR", {})
    try:
        conf.check_keys(raw)
    except StreaminstrError as error:
        return [checks.Error(str(error), id="streaminstr.E001")]
    return [*_check_backend(raw), *_check_options(raw), *_check_filter(raw)]


def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """W001 missing, W002 twice, W003 not innermost."""
    listed = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in listed:
        return [
            checks.Warning(
                "streaminstr.django is installed, but its middleware is not listed.",
                hint=f"Add {MIDDLEWARE!r} to the end of MIDDLEWARE.",
                id="streaminstr.W001",
            )
        ]
    messages: list[checks.CheckMessage] = []
    if listed.count(MIDDLEWARE) > 1:
        messages.append(
            checks.Warning(
                "StreamScopeMiddleware is listed more than once.",
                hint="Keep the last one.",
                id="streaminstr.W002",
            )
        )
    for outer in OUTER:
        if outer in listed[listed.index(MIDDLEWARE) :]:
            messages.append(
                checks.Warning(
                    f"StreamScopeMiddleware is listed before {outer}.",
                    hint=f"Move {MIDDLEWARE!r} to the end of MIDDLEWARE.",
                    id="streaminstr.W003",
                )
            )
    return messages


def _check_backend(raw: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    try:
        _registry.resolve(raw.get("BACKEND", "log"), raw.get("OPTIONS", {}))
    except StreaminstrError as error:
        yield checks.Error(str(error), id="streaminstr.E002")


def _check_options(raw: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    for key, value in raw.items():
        if key not in ("BACKEND", "FILTER", "OPTIONS"):
            try:
                _config.check_option(key.lower(), value)
            except StreaminstrError as error:
                yield checks.Error(str(error), id="streaminstr.E003")


def _check_filter(raw: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    try:
        conf.load_filter(raw)
    except StreaminstrError as error:
        yield checks.Error(str(error), id="streaminstr.E004")
