"""A small Django site for real servers.

The applications are `wsgi`, `asgi`, and both in their outermost nets: `wsgi_net`, `asgi_net`.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware

from server_bodies import BODIES, EVENTS, FAREWELL, FILE_SIZE, MIB
from server_record import BACKENDS, LEVELS, watched_asgi, watched_wsgi
from streaminstr import asgi as asgi_nets
from streaminstr import wsgi as wsgi_nets

HUGE = 64 * MIB
"""More than what all buffers on the way to a client take."""


def sync_view(request, body, scenario=""):
    return StreamingHttpResponse(BODIES[body][0](), content_type=kind_of(body, scenario))


async def async_view(request, body, scenario=""):
    return StreamingHttpResponse(BODIES[body][1](), content_type=kind_of(body, scenario))


def kind_of(body, scenario):
    return "text/event-stream" if body in EVENTS or scenario == "sse" else "text/plain"


def file_view(request, scenario=""):
    file = tempfile.TemporaryFile()
    file.truncate(FILE_SIZE)
    return FileResponse(file, content_type="application/octet-stream", filename="big.bin")


class Stored:
    """The reader of an object store: no descriptor, no position, and it may fail midway."""

    def __init__(self, size, *, fails=False):
        self.left = size
        self.fails = fails

    def read(self, size=-1):
        if self.fails and self.left <= FILE_SIZE // 2:
            message = "the store is gone"
            raise OSError(message)
        size = min(size if size > 0 else self.left, self.left)
        self.left -= size
        return b"x" * size

    def close(self):
        self.left = 0


def _temporary():
    file = tempfile.TemporaryFile()
    file.truncate(FILE_SIZE)
    return file


FILES = {
    "real": _temporary,
    "memory": lambda: io.BytesIO(b"x" * FILE_SIZE),
    "stored": lambda: Stored(FILE_SIZE),
    "failing": lambda: Stored(FILE_SIZE, fails=True),
    "huge": lambda: Stored(HUGE),
}


def kind_of_file_view(request, kind, scenario):
    return FileResponse(FILES[kind](), content_type="application/octet-stream", filename="big.bin")


def plain_view(request):
    """As long as the body of an ASGI response must be to be sent in several messages."""
    return HttpResponse(b"x" * 200_000, content_type="text/plain")


urlpatterns = [
    path("sync/<str:body>", sync_view),
    path("sync/<str:body>/<str:scenario>", sync_view),
    path("async/<str:body>", async_view),
    path("async/<str:body>/<str:scenario>", async_view),
    path("file/<str:scenario>", file_view),
    path("file/<str:kind>/<str:scenario>", kind_of_file_view),
    path("plain", plain_view),
]


@sync_and_async_middleware
def drop_middleware(get_response):
    """Replaces some streaming responses and never closes them, as a cache may."""

    def settle(request, response):
        return HttpResponse("another") if "/dropped" in request.path else response

    if asyncio.iscoroutinefunction(get_response):

        async def ahandle(request):
            return settle(request, await get_response(request))

        return ahandle
    return lambda request: settle(request, get_response(request))


SETTINGS = {
    "ALLOWED_HOSTS": ["*"],
    "DEBUG": False,
    "INSTALLED_APPS": ["streaminstr.django"],
    "LOGGING": {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler", "level": "CRITICAL"}},
        "root": {"handlers": ["console"]},
    },
    "MIDDLEWARE": [
        "server_site.drop_middleware",
        "django.middleware.gzip.GZipMiddleware",
        "streaminstr.django.middleware.StreamScopeMiddleware",
    ],
    "ROOT_URLCONF": "server_site",
    "SECRET_KEY": "not a secret",
    "STREAMINSTR": {
        "BACKEND": BACKENDS,
        "FAREWELL": FAREWELL,
        "LOG_LEVELS": LEVELS,
    },
    "WSGI_APPLICATION": f"server_site.{os.environ.get('STREAMINSTR_APP', 'wsgi')}",
}

if "STREAMINSTR_GRACE" in os.environ:
    SETTINGS["STREAMINSTR"]["DRAIN"] = {"GRACE": float(os.environ["STREAMINSTR_GRACE"])}

if "STREAMINSTR_LIMIT" in os.environ:
    SETTINGS["STREAMINSTR"]["LIMIT"] = int(os.environ["STREAMINSTR_LIMIT"])

if "SITE_ROSTER" in os.environ:
    SETTINGS["STREAMINSTR"]["ROSTER"] = json.loads(os.environ["SITE_ROSTER"])

if "SITE_CACHE" in os.environ:
    SETTINGS["CACHES"] = {"default": json.loads(os.environ["SITE_CACHE"])}

if not settings.configured:
    settings.configure(**SETTINGS)
    django.setup(set_prefix=False)

_wsgi, _asgi = get_wsgi_application(), get_asgi_application()
wsgi, wsgi_net = watched_wsgi(_wsgi), watched_wsgi(wsgi_nets.StreamScopeMiddleware(_wsgi))
asgi, asgi_net = watched_asgi(_asgi), watched_asgi(asgi_nets.StreamScopeMiddleware(_asgi))

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
