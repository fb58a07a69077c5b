"""System checks of the vendors: what arrives, and where it is put into the tree of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import checks

from streaminstr import StreaminstrError
from streaminstr._sifted import plain
from streaminstr.django import _tracers, conf

if TYPE_CHECKING:
    from streaminstr import Backend

_DATADOG, _OPENTELEMETRY = "streaminstr_ddtrace", "streaminstr_opentelemetry"
_NAMES = {_DATADOG: "Datadog", _OPENTELEMETRY: "OpenTelemetry"}
_TRACES = {
    _DATADOG: _tracers.datadog_traces_requests,
    _OPENTELEMETRY: _tracers.opentelemetry_traces_requests,
}


def check_tracers(**_: Any) -> list[checks.CheckMessage]:
    """W004 no parent, W005 two spans, W009 no SDK, W010 Datadog's spans go elsewhere."""
    try:
        used = _used()
    except StreaminstrError:
        return []  # check_settings reports it
    arrival = [_unrecorded()] if _is_unrecorded(used) else []
    if _DATADOG in used and _is_diverted(with_opentelemetry=len(used) > 1):
        arrival.append(_diverted())
    if _tracers.bridge_is_on():
        return [*arrival, _doubled()] if len(used) > 1 else arrival
    tracing = {name for name in _NAMES if _TRACES[name]()}
    return [*arrival, *(_orphaned(name) for name in sorted(used.keys() - tracing) if tracing)]


def _used() -> dict[str, Backend]:
    """The vendors' backends, by the module that they come from."""
    setting = conf.loaded()
    backends = map(plain, () if setting is None else setting.config.backends)
    by_module = {type(one).__module__.partition(".")[0]: one for one in backends}
    return {name: one for name, one in by_module.items() if name in _NAMES}


def _is_unrecorded(used: dict[str, Backend]) -> bool:
    """Whether the spans of OpenTelemetry's backend are the API's own, which go nowhere."""
    tracer = getattr(used.get(_OPENTELEMETRY), "tracer", None)
    return tracer is not None and _tracers.is_of_the_api(tracer) and _tracers.has_no_provider()


def _is_diverted(*, with_opentelemetry: bool) -> bool:
    """Whether ddtrace exports by OTLP because OpenTelemetry's launcher or settings say so.

    Where ddtrace is alone in the process, that is what somebody has asked it for.
    """
    beside = with_opentelemetry or _tracers.sdk_is_set_up()
    return beside and _tracers.datadog_exports_otlp()


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


def _unrecorded() -> checks.CheckMessage:
    return checks.Warning(
        "The backend is opentelemetry, and this process has no OpenTelemetry SDK: no provider of "
        "tracers is set, so no span is recorded and nothing arrives anywhere.",
        hint=(
            "Start the site with opentelemetry-instrument, or call "
            "opentelemetry.trace.set_tracer_provider(...) at its start. Where that is done in a "
            "file that `manage.py check` does not load, such as wsgi.py, silence this check."
        ),
        id="streaminstr.W009",
    )


def _diverted() -> checks.CheckMessage:
    return checks.Warning(
        "ddtrace exports by OTLP beside OpenTelemetry (OTEL_TRACES_EXPORTER=otlp, which "
        "opentelemetry-instrument sets): Datadog's agent receives nothing, and the OTLP receiver "
        "the spans of both.",
        hint="Set DD_TRACE_AGENT_PROTOCOL_VERSION=v0.4 in the environment of ddtrace.",
        id="streaminstr.W010",
    )
