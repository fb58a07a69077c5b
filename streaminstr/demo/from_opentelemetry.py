"""The demo's recorder that is OpenTelemetry's own SDK: nothing is sent anywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from streaminstr.demo.spans import Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from streaminstr.types import Attribute


class OpenTelemetryRecorder:
    """A provider of its own with the SDK's in-memory exporter."""

    setting = "opentelemetry"

    def __init__(self) -> None:
        os.environ.pop("OTEL_SDK_DISABLED", None)  # read by the provider
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource({"service.name": "streaminstr-demo"})
        )
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.options: Mapping[str, Any] = {"tracer_provider": provider}
        self._tracer = provider.get_tracer("streaminstr.demo")

    def span(self, name: str, **attributes: str) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span(name, attributes=attributes)

    def spans(self) -> list[Span]:
        return [_neutral(span) for span in self._exporter.get_finished_spans()]


def _neutral(span: ReadableSpan) -> Span:
    context: Any = span.get_span_context()
    return Span(
        name=span.name,
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        parent_id=None if span.parent is None else f"{span.parent.span_id:016x}",
        started_ns=span.start_time or 0,
        ended_ns=span.end_time or 0,
        attributes=cast("dict[str, Attribute]", dict(span.attributes or {})),
    )
