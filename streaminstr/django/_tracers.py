"""Which vendors trace the requests of this process. Finding it out imports nothing."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings

OPENTELEMETRY = "opentelemetry.instrumentation.django."


def datadog_traces_requests() -> bool:
    """Whether ddtrace's Django integration is on, or its WSGI or ASGI middleware in use."""
    patched = getattr(sys.modules["django"], "_datadog_patch", False)
    return bool(patched) or not sys.modules.keys().isdisjoint(
        {"ddtrace.contrib.asgi", "ddtrace.contrib.wsgi"}
    )


def opentelemetry_traces_requests() -> bool:
    """Whether OpenTelemetry's Django middleware is listed, or its WSGI or ASGI one in use."""
    if any(path.startswith(OPENTELEMETRY) for path in settings.MIDDLEWARE):
        return True
    loaded = sys.modules.keys()
    return OPENTELEMETRY.rstrip(".") not in loaded and not loaded.isdisjoint(
        {"opentelemetry.instrumentation.asgi", "opentelemetry.instrumentation.wsgi"}
    )


def bridge_is_on() -> bool:
    """Whether spans of OpenTelemetry's API become Datadog's (DD_TRACE_OTEL_ENABLED).

    Asks the provider and not the variable, which only ddtrace-run and ddtrace.auto read.
    """
    trace: Any = sys.modules.get("opentelemetry.trace")
    return trace is not None and type(trace.get_tracer_provider()).__module__.startswith("ddtrace.")
