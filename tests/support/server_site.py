"""A small Django site for real servers, and a backend that writes down what happens to its streams.

STREAMINSTR_RECORD names the file for that: one JSON object a line, appended in one write each, so
that processes and threads do not mix. With it set, the spans of both vendors are written down, too.
The applications are `wsgi`, `asgi`, and both in their outermost nets: `wsgi_net`, `asgi_net`.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
import time

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware

from streaminstr import asgi as asgi_nets
from streaminstr import current_stream
from streaminstr import wsgi as wsgi_nets

MIB = 1024 * 1024
FILE_SIZE = 4 * MIB
HUGE = 64 * MIB
"""More than what all buffers on the way to a client take."""
PAUSE = 0.02
"""Seconds from one chunk of a drip to the next."""
BLOCKED = 1.0
"""Seconds for which the blocked producer does nothing."""


class RecordBackend:
    """Appends a line for each thing that happens to a stream."""

    def open(self, info):
        return RecordScope(info)


class RecordScope:
    def __init__(self, info):
        self.path = info.attributes["url.path"]

    def start(self):
        write("start", "record", self.path)
        return {}

    def close(self, report):
        write("close", "record", self.path, report.as_attributes())


def write(event, backend, path, attributes=None):
    """One line: what happened to the stream of this path, as one backend saw it."""
    line = {"event": event, "backend": backend, "path": path, "at": time.monotonic()}
    for name, value in (attributes or {}).items():
        line[name.removeprefix("streaminstr.")] = value
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    file = os.open(os.environ["STREAMINSTR_RECORD"], flags, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


def record_opentelemetry():
    """Have each span of OpenTelemetry written down as it ends."""
    from opentelemetry import trace  # noqa: PLC0415 - the quick tests do without
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415

    class Writer(SpanProcessor):
        def on_end(self, span):
            write("close", "opentelemetry", span.attributes["url.path"], span.attributes)

    provider = TracerProvider()
    provider.add_span_processor(Writer())
    trace.set_tracer_provider(provider)


def record_ddtrace():
    """Have each span of ddtrace written down as its trace ends, and nothing sent to an agent."""
    from ddtrace.trace import TraceFilter, tracer  # noqa: PLC0415 - the quick tests do without

    class Writer(TraceFilter):
        def process_trace(self, trace):
            for span in trace:
                tags = {**span.get_tags(), **span.get_metrics()}
                write("close", "ddtrace", tags["url.path"], tags)

    tracer.configure(trace_processors=[Writer()])


BACKENDS = ["server_site.RecordBackend"]
if "STREAMINSTR_RECORD" in os.environ:
    record_opentelemetry()
    record_ddtrace()
    BACKENDS += ["opentelemetry", "ddtrace"]


def drips(number, pause=PAUSE):
    for _ in range(number):
        yield b"drip\n"
        time.sleep(pause)


async def adrips(number, pause=PAUSE):
    for _ in range(number):
        yield b"drip\n"
        await asyncio.sleep(pause)


def fails():
    yield from drips(2)
    message = "as the test wants it"
    raise ValueError(message)


async def afails():
    async for chunk in adrips(2):
        yield chunk
    message = "as the test wants it"
    raise ValueError(message)


def blocks():
    yield b"first\n"
    time.sleep(BLOCKED)
    yield from drips(300)


async def ablocks():
    yield b"first\n"
    await asyncio.sleep(BLOCKED)
    async for chunk in adrips(300):
        yield chunk


def big():
    for _ in range(24):
        yield b"x" * MIB


async def abig():
    for chunk in big():
        yield chunk
        await asyncio.sleep(0)


def polite():
    yield b"first\n"
    while not current_stream().stopping:
        yield b"drip\n"
        time.sleep(PAUSE)
    yield b"last\n"


async def apolite():
    yield b"first\n"
    while not current_stream().stopping:
        yield b"drip\n"
        await asyncio.sleep(PAUSE)
    yield b"last\n"


def endless():
    yield from drips(100_000)


async def aendless():
    async for chunk in adrips(100_000):
        yield chunk


BODIES = {
    "polite": (polite, apolite),
    "endless": (endless, aendless),
    "full": (lambda: drips(5), lambda: adrips(5)),
    "drip": (lambda: drips(300), lambda: adrips(300)),
    "short": (lambda: drips(3, 0.1), lambda: adrips(3, 0.1)),
    "fails": (fails, afails),
    "blocks": (blocks, ablocks),
    "big": (big, abig),
    "dropped": (lambda: drips(5), lambda: adrips(5)),
    "events": (lambda: drips(10, 3), lambda: adrips(10, 3)),
}
"""By name: a sync body and an async one that do the same."""


def sync_view(request, body, scenario=""):
    return StreamingHttpResponse(BODIES[body][0](), content_type=kind_of(scenario))


async def async_view(request, body, scenario=""):
    return StreamingHttpResponse(BODIES[body][1](), content_type=kind_of(scenario))


def kind_of(scenario):
    return "text/event-stream" if scenario == "sse" else "text/plain"


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
        "LOG_LEVELS": dict.fromkeys(("completed", "failed", "cancelled", "abandoned")),
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

wsgi = get_wsgi_application()
asgi = get_asgi_application()
wsgi_net = wsgi_nets.StreamScopeMiddleware(wsgi)
asgi_net = asgi_nets.StreamScopeMiddleware(asgi)

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
