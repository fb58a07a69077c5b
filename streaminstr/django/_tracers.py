"""Which vendors trace the requests of this process. Looks only at modules already imported."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings

OPENTELEMETRY = "opentelemetry.instrumentation.django."
_OBEYS_OTLP = (4, 8)
"""The first version of ddtrace that reads OTEL_TRACES_EXPORTER=otlp."""


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


def has_no_provider() -> bool:
    """Whether no SDK has set OpenTelemetry's provider of tracers: it is the API's own."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    return trace is not None and is_of_the_api(trace.get_tracer_provider())


def sdk_is_set_up() -> bool:
    """Whether an SDK of OpenTelemetry has set the provider of tracers, and not ddtrace's bridge."""
    loaded = "opentelemetry.trace" in sys.modules
    return loaded and not has_no_provider() and not bridge_is_on()


def is_of_the_api(candidate: object) -> bool:
    """Whether a provider or tracer is of OpenTelemetry's API itself, which records nothing."""
    return type(candidate).__module__ == "opentelemetry.trace"


def datadog_exports_otlp() -> bool:
    """Whether ddtrace sends its spans by OTLP and not to Datadog's agent: from 4.8 on."""
    version = getattr(sys.modules.get("ddtrace"), "__version__", "0")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return (
        numbers >= _OBEYS_OTLP
        and os.environ.get("OTEL_TRACES_EXPORTER", "").lower() == "otlp"
        and not os.environ.get("DD_TRACE_AGENT_PROTOCOL_VERSION")
    )
