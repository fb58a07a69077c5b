"""Datadog, by `ddtrace.trace` alone, which is what ddtrace's versioning policy calls public."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard

from ddtrace.trace import tracer

from streaminstr import attributes as names
from streaminstr.types import NotNow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddtrace.trace import Context, Span

    from streaminstr.types import StreamInfo, StreamReport

OPERATION = "streaminstr.stream"
"""Operation name of each span; the stream's own name is its resource."""
NAMES = {names.HTTP_METHOD: "http.method", names.HTTP_STATUS: "http.status_code"}
"""Attributes that Datadog knows by another name than OpenTelemetry's semantic conventions.

They are text there: the agent computes its trace metrics from `http.status_code` as a tag.
"""
_LARGEST = 2**53
"""The largest whole number that a float holds exactly. Larger ones are text, as in ddtrace."""


class DatadogBackend:
    """One span for each stream, child of the span that is active, in that span's service."""

    def open(self, info: StreamInfo) -> DatadogScope:
        # Keep the parent's Context and not its span: a stream is another execution than the request
        # (docs: advanced_usage), and ddtrace forgets a finished span as a parent. A Context has no
        # service, and without one the stream would be in a service of its own.
        active = tracer.current_span()
        if active is None:
            return DatadogScope(info, tracer.current_trace_context(), None)
        return DatadogScope(info, active.context, active.service)

    def trace_id(self) -> int | None:
        """The id of the current trace, for RATIO."""
        context = tracer.current_trace_context()
        return None if context is None else context.trace_id

    def flush(self, timeout: float) -> None:  # noqa: ARG002 - the writer has a timeout of its own
        """Send what the writer has buffered."""
        tracer.flush()  # type: ignore[no-untyped-call] # ddtrace leaves it without types


class DatadogScope:
    """One span."""

    __slots__ = ("_info", "_parent", "_service", "_span")

    def __init__(self, info: StreamInfo, parent: Context | None, service: str | None) -> None:
        self._info = info
        self._parent = parent
        self._service = service
        self._span: Span

    def start(self) -> dict[str, str]:
        _decide_sampling()
        linked = self._info.parent == "link"
        above = None if linked else self._parent
        fields = self._begin(above, self._parent if linked else None, self._info.started_ns)
        # In a trace of its own, the first segment is the parent of the others.
        self._parent = above or self._span.context
        return fields

    def segment(self, report: StreamReport) -> dict[str, str]:
        ended = self._span
        if tracer.current_span() is not ended:
            raise NotNow
        try:
            self._set(report.as_attributes())
        finally:
            ended.finish()
        return self._begin(self._parent, ended.context)

    def _begin(
        self, parent: Context | None, link: Context | None, started_ns: int | None = None
    ) -> dict[str, str]:
        self._span = span = tracer.start_span(
            OPERATION,
            child_of=parent,
            service=self._service,
            resource=_text(self._info.span_name),
            span_type="web",
            activate=True,
        )
        try:
            if link is not None:
                span.link_span(link)
            if started_ns is not None:
                span.start_ns = started_ns
            span.set_tag("component", "streaminstr")
            span.set_tag("span.kind", "internal")
            self._set(self._info.as_attributes())
            return _log_fields(span)
        except BaseException:
            # No close follows. ddtrace sends a trace when all of its spans have finished.
            span.finish()
            raise

    def progress(self, report: StreamReport) -> None:
        """Put the numbers so far on the open span. Datadog shows them when it ends."""
        attributes = report.as_attributes()
        attributes.pop(names.STALLED, None)
        self._set(attributes)

    def close(self, report: StreamReport) -> None:
        try:
            attributes = report.as_attributes()
            if report.error is not None:
                self._record(report.error)
            elif (
                report.exception_type is None
                and self._span.error
                and names.ERROR_TYPE not in report.attributes
            ):
                attributes.pop(names.ERROR_TYPE, None)  # what the body has recorded stands
            message = report.exception_message if report.reason is None else report.reason
            if message is not None:
                self._span.set_tag("error.message", _text(message))
            if report.is_error:  # only ever raised: the body may have set it
                self._span.error = 1
            # After `set_exc_info`, whose error.type has the form `builtins.ValueError`.
            self._set(attributes)
        finally:
            self._span.finish()

    def _record(self, error: BaseException) -> None:
        self._span.set_exc_info(type(error), error, error.__traceback__)
        for part in ("message", "stack"):
            self._span.set_tag(f"error.{part}", _text(self._span.get_tag(f"error.{part}")))

    def _set(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes on the span. ddtrace logs and drops values that it does not support."""
        tag, metric = self._span.set_tag, self._span.set_metric
        for name, value in attributes.items():
            kind = type(value)  # no call for each of the usual ones
            if kind is str:
                tag(NAMES.get(name, name), value if value.isascii() else _text(value))
            elif kind is float and name not in NAMES:
                metric(name, value)
            elif kind is bool:
                # As the agent writes booleans that arrive by OTLP.
                tag(name, "true" if value else "false")
            elif name not in NAMES and _is_number(value):
                metric(name, value)
            elif value is not None:
                tag(NAMES.get(name, name), _text(value))


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether a metric can hold it: a float does."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _LARGEST)


def _text(value: Any) -> Any:
    """The text of `value`, without what UTF-8 cannot write: one of that loses the whole trace.

    An object whose `str` raises comes back as it is.
    """
    if type(value) is str and value.isascii():
        return value
    try:
        return str(value).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - whatever the object raises; ddtrace logs it
        return value


def _log_fields(span: Span) -> dict[str, str]:
    """`dd.trace_id` and other fields as Datadog reads them, also from ddtrace before 4.0."""
    fields = tracer.get_log_correlation_context(active=span)
    return {_named(key): value for key, value in fields.items() if value}


@cache  # the names are few, and each open stream would have its own copies
def _named(key: str) -> str:
    return f"dd.{key.removeprefix('dd.')}"


def _decide_sampling() -> None:
    """Have the root decide whether the trace is kept, before a span of another execution starts.

    ddtrace documents this for code that hands a trace on ("advanced usage"). Done at the first step
    and not where the stream is made, when the request's span may not have its resource yet, by
    which sampling rules decide. A root that has finished has decided already.
    """
    root = tracer.current_root_span()
    if root is not None and root.context.sampling_priority is None:
        tracer.sample(root)  # type: ignore[no-untyped-call] # ddtrace leaves it without types
