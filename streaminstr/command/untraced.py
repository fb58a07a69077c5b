"""Why a vendor has no ids for a stream, or sends none of it although it has."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from streaminstr._install import install_line

_HOW = (
    "start the process with opentelemetry-instrument, or set a TracerProvider before the first "
    "stream"
)


def why_untraced(backend: object, *, has_ids: bool) -> str | None:
    """The reason; None where there is none, or for a backend without ids, as that of the log."""
    package = type(backend).__module__.partition(".")[0]
    if package == "streaminstr_ddtrace":
        return _datadog()
    return None if has_ids or package != "streaminstr_opentelemetry" else _opentelemetry()


def _opentelemetry() -> str | None:
    trace: Any = sys.modules["opentelemetry.trace"]
    provider = trace.get_tracer_provider()
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED is true: OpenTelemetry records nothing"
    if not isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
        return f"OpenTelemetry's provider, {kind}, makes spans without ids"
    if _records_metrics():
        return None
    if find_spec("opentelemetry.sdk") is None:
        install = install_line("opentelemetry-distro")
        return f"OpenTelemetry's SDK is not installed. Install it: {install}; then {_HOW}"
    return f"OpenTelemetry's SDK is not set up in this process: {_HOW}"


def _records_metrics() -> bool:
    """Whether metrics are recorded, so that the backend is of use without spans."""
    metrics: Any = sys.modules["opentelemetry.metrics"]
    provider = metrics.get_meter_provider()
    return not isinstance(provider, metrics.NoOpMeterProvider) and not type(
        provider
    ).__module__.startswith("opentelemetry.metrics")


def _datadog() -> str | None:
    tracer: Any = sys.modules["ddtrace.trace"].tracer
    # Ids are made even then.
    return None if tracer.enabled else "ddtrace is turned off (DD_TRACE_ENABLED) and sends nothing"
