"""A site of two backends and a roster in Redis: the settings, the views and gunicorn's hooks."""

import os
import time
from itertools import count

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

import streaminstr
import streaminstr.gunicorn
from streaminstr.wsgi import StreamScopeMiddleware

ALLOWED_HOSTS = ["*"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("FLEET_REDIS", ""),
    }
}
INSTALLED_APPS = ["streaminstr.django"]
MIDDLEWARE = ["streaminstr.django.middleware.StreamScopeMiddleware"]
ROOT_URLCONF = __name__
SECRET_KEY = "not one"  # noqa: S105 - of a test's site
GRACE = 3
STREAMINSTR = {
    "BACKEND": ["prometheus", "opentelemetry"],
    "DRAIN": {"GRACE": GRACE},
    "LOG_LEVELS": dict.fromkeys(streaminstr.Outcome),
    "ROSTER": {"CACHE": "default"},
}


def tagged(request, body):
    """The client's own number is on the span, so that it can be found there."""
    visit = request.GET["visit"]

    def chunks():
        streaminstr.current_stream().set_attribute("fleet.visit", visit)
        yield f"begun {os.getpid()}\n"
        yield from body

    return StreamingHttpResponse(chunks())


def whole(request):
    return tagged(request, (f"{number}\n" for number in range(5)))


def failing(request):
    def body():
        yield "one\n"
        raise LookupError

    return tagged(request, body())


def polite(request):
    """Ends by itself when the process drains."""

    def body():
        while not streaminstr.current_stream().stopping:
            yield "more\n"
            time.sleep(0.05)
        yield "last\n"

    return tagged(request, body())


def endless(request):
    def body():
        for number in count():
            yield f"{number}\n"
            time.sleep(0.05)

    return tagged(request, body())


def metrics(_):
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [
    path("plain", lambda _: HttpResponse("plain")),
    path("metrics", metrics),
    *(path(view.__name__, view) for view in (whole, failing, polite, endless)),
]


def site():
    """The application, inside of the net that knows who has cut a stream."""
    return StreamScopeMiddleware(get_wsgi_application())


# gunicorn reads this module as its configuration, too.


def post_fork(server, worker):
    """In each worker a provider of its own: threads do not survive a fork."""
    from opentelemetry import metrics as otel_metrics  # noqa: PLC0415
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    instance = f"{os.environ['FLEET_HOST']}:{os.getpid()}:{time.time_ns()}"
    resource = Resource({"service.name": "fleet", "service.instance.id": instance})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=2000)
    otel_metrics.set_meter_provider(MeterProvider(metric_readers=[reader], resource=resource))


def child_exit(server, worker):
    mark_process_dead(worker.pid)


bind = os.environ.get("FLEET_BIND", "127.0.0.1:0")
workers = 4
worker_class = "gthread"
threads = 16
graceful_timeout = GRACE + 5
streaminstr.gunicorn.install(globals())
