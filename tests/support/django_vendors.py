"""Streamed responses in a process of its own, traced by vendors as a site would have it.

Takes a JSON object: `backend` (list of names), `requests` (who traces the requests: "ddtrace",
"opentelemetry", "opentelemetry-app" for its WSGI or ASGI middleware round the application) and
`bridge` (as DD_TRACE_OTEL_ENABLED says). Prints what was recorded under WSGI and under ASGI.
"""

# ruff: noqa: E402 - ddtrace.auto has to come before Django

import asyncio
import json
import sys
from contextlib import nullcontext

ASKED = json.loads(sys.argv[1])
if "ddtrace" in ASKED["requests"] or ASKED["bridge"]:
    import ddtrace.auto  # noqa: F401 - it does its work when it is imported

from ddtrace.trace import TraceFilter, tracer
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import django_settings
import django_site
from django_by_hand import Asgi, Wsgi
from streaminstr.django.checks import check_tracers

exporter = InMemorySpanExporter()
kept = []


class Keep(TraceFilter):
    """Keeps what would be sent, and sends nothing."""

    def process_trace(self, spans):
        kept.extend(spans)


def body():
    for chunk in (b"a", b"b"):
        with (
            tracer.trace("child") if "ddtrace" in ASKED["backend"] else nullcontext(),
            trace.get_tracer("shop").start_as_current_span("child")
            if "opentelemetry" in ASKED["backend"]
            else nullcontext(),
        ):
            yield chunk


async def async_body():
    for chunk in body():
        await asyncio.sleep(0)
        yield chunk


def set_up():
    """As a site's settings and its wsgi.py or asgi.py do."""
    tracer.configure(trace_processors=[Keep()])
    if not ASKED["bridge"]:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
    for name, value in django_settings.SITE.items():
        setattr(settings, name, value)
    settings.STREAMINSTR = {"BACKEND": ASKED["backend"], "LOG_LEVELS": django_settings.SILENT}
    if "opentelemetry" in ASKED["requests"]:
        from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415

        DjangoInstrumentor().instrument()


def run_wsgi():
    app = get_wsgi_application()
    if "opentelemetry-app" in ASKED["requests"]:
        from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware  # noqa: PLC0415

        app = OpenTelemetryMiddleware(app)
    django_site.Answer.make = staticmethod(lambda _: StreamingHttpResponse(body()))
    return Wsgi(app=app, SERVER_PROTOCOL="HTTP/1.1").read()


def run_asgi():
    app = get_asgi_application()
    if "opentelemetry-app" in ASKED["requests"]:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware  # noqa: PLC0415

        app = OpenTelemetryMiddleware(app, exclude_spans=["receive", "send"])
    django_site.Answer.make = staticmethod(lambda _: StreamingHttpResponse(async_body()))
    return asyncio.run(Asgi(app=app).run()).body


def datadogs():
    for span in kept:
        yield {
            "name": span.name,
            "id": f"{span.span_id:x}",
            "parent": f"{span.parent_id:x}" if span.parent_id else None,
            "stream": span.get_tag("streaminstr.outcome"),
            "error": span.error,
        }


def opentelemetrys():
    for span in exporter.get_finished_spans():
        yield {
            "name": span.name,
            "id": f"{span.context.span_id:x}",
            "parent": f"{span.parent.span_id:x}" if span.parent else None,
            "stream": span.attributes.get("streaminstr.outcome"),
            "error": int(not span.status.is_ok),
        }


def recorded(run):
    """What one request has left at both vendors."""
    kept.clear()
    exporter.clear()
    sent = run()
    tracer.flush()
    return {"sent": sent.decode(), "spans": [*datadogs(), *opentelemetrys()]}


if __name__ == "__main__":
    set_up()
    found = {"wsgi": recorded(run_wsgi), "asgi": recorded(run_asgi)}
    found["checks"] = [message.id for message in check_tracers()]
    sys.stdout.write("\n" + json.dumps(found) + "\n")
