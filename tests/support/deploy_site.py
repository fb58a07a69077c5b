"""A Django site with event streams that never end by themselves, for servers that are restarted.

The environment says what it does: DEPLOY_RECORD names the file that it appends one JSON object a
line to, DEPLOY_GRACE is the grace of its drain (empty: none), DEPLOY_VENDOR who gets its spans.
The applications are `wsgi` and `asgi`, each in its outermost net.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

import streaminstr
from deploy_record import write
from streaminstr import asgi as asgi_nets
from streaminstr import wsgi as wsgi_nets

PAUSE = 0.1
"""Seconds from one event to the next."""
SOONEST, LATEST = 10, 200
"""Between these a client comes back after its farewell, in milliseconds."""


class Numbers:
    """The events of one stream: it resumes after the last one that its client has."""

    def __init__(self, request):
        self.name = request.path
        self.last = int(request.headers.get("Last-Event-ID", 0))

    def __next__(self):
        self.last += 1
        return f"id: {self.last}\ndata: {self.last}\n\n"

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        write("cleaned up", self.name, last=self.last)


def events(numbers, *, listens):
    with numbers:
        while not (listens and streaminstr.current_stream().stopping):
            yield next(numbers)
            time.sleep(PAUSE)


async def aevents(numbers, *, listens):
    with numbers:
        while not (listens and streaminstr.current_stream().stopping):
            yield next(numbers)
            await asyncio.sleep(PAUSE)


def sync_view(request, name, *, listens=False):
    body = events(Numbers(request), listens=listens)
    return StreamingHttpResponse(body, content_type="text/event-stream")


async def async_view(request, name, *, listens=False):
    body = aevents(Numbers(request), listens=listens)
    return StreamingHttpResponse(body, content_type="text/event-stream")


def plain_view(request):
    return HttpResponse(b"up", content_type="text/plain")


urlpatterns = [
    path("plain", plain_view),
    path("wsgi/deaf/<path:name>", sync_view),
    path("wsgi/listens/<path:name>", sync_view, {"listens": True}),
    path("asgi/deaf/<path:name>", async_view),
    path("asgi/listens/<path:name>", async_view, {"listens": True}),
]


def say_farewell():
    return f"retry: {random.randint(SOONEST, LATEST)}\n\n"  # noqa: S311 - no secret


def the_drain():
    grace = os.environ.get("DEPLOY_GRACE")
    return {"DRAIN": {"GRACE": float(grace)}, "FAREWELL": say_farewell} if grace else {}


def the_backends():
    """OpenTelemetry sends by OTLP over HTTP; where to is in the environment, as for ddtrace."""
    vendor = os.environ.get("DEPLOY_VENDOR", "")
    if vendor == "opentelemetry":
        from opentelemetry import trace  # noqa: PLC0415 - for the tests in tests/wire alone
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    return ["deploy_record.RecordBackend", *filter(None, [vendor])]


if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["streaminstr.django"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=["streaminstr.django.middleware.StreamScopeMiddleware"],
        ROOT_URLCONF="deploy_site",
        SECRET_KEY="not a secret",  # noqa: S106 - as it says
        STREAMINSTR={
            "BACKEND": the_backends(),
            "LOG_LEVELS": dict.fromkeys(("completed", "failed", "cancelled", "abandoned")),
            **the_drain(),
        },
        WSGI_APPLICATION="deploy_site.wsgi",
    )
    django.setup(set_prefix=False)

wsgi = wsgi_nets.StreamScopeMiddleware(get_wsgi_application())
asgi = asgi_nets.StreamScopeMiddleware(get_asgi_application())

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
