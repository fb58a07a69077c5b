"""Which backend, and its vendor's library set up: by the environment, as in production."""

import os


def backend(name):
    """The value of `BACKEND`. Sets OpenTelemetry up, which the launcher would do as well."""
    if name == "opentelemetry" and "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
        _set_up_opentelemetry()
    return name


def _set_up_opentelemetry():
    from opentelemetry import trace  # noqa: PLC0415 - where this backend is picked alone
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": "chat"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
