"""A site whose streams Prometheus counts, with the view of docs/how-to/prometheus.md."""

import os
import time
from itertools import count

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

import documents

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["streaminstr.django"],
    MIDDLEWARE=["streaminstr.django.middleware.StreamScopeMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not one",  # noqa: S106 - of a test's site
    STREAMINSTR={"BACKEND": "prometheus"},
)
django.setup()

metrics = documents.function_of(
    "docs/how-to/prometheus.md",
    "metrics",
    __name__=__name__,
    os=os,
    HttpResponse=HttpResponse,
    CONTENT_TYPE_LATEST=CONTENT_TYPE_LATEST,
    REGISTRY=REGISTRY,
    CollectorRegistry=CollectorRegistry,
    generate_latest=generate_latest,
    MultiProcessCollector=MultiProcessCollector,
)


def streamed(body):
    return StreamingHttpResponse(body, headers={"X-Worker": str(os.getpid())})


def endless():
    for number in count():
        yield f"{number}\n"
        time.sleep(0.02)


def failing():
    yield "one\n"
    raise LookupError


urlpatterns = [
    path("plain", lambda _: HttpResponse("plain")),
    path("metrics", metrics),
    path("whole", lambda _: streamed(iter(["one\n", "two\n"]))),
    path("failing", lambda _: streamed(failing())),
    path("endless", lambda _: streamed(endless())),
]
application = get_wsgi_application()
