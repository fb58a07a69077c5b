"""A Django site that logs in its bodies, and both of Django's handlers driven by hand."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor

import django
import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path

from streaminstr import asgi, current_stream, wsgi
from streaminstr.django.decorators import stream_scope

OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
DJANGO_STRUCTLOG = "django_structlog.middlewares.RequestMiddleware"
PASSED, TMP_BIND, BIND_THREADLOCAL = (
    f"log_site.{name}" for name in ("Bound", "tmp_bind", "bind_threadlocal")
)

if not settings.configured:  # pragma: no cover - whoever comes first
    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="not a secret")  # noqa: S106 - it is not
    django.setup()

logger = structlog.get_logger("site")
server = structlog.get_logger("server")
identifiers = itertools.count(1)


def site(middleware, **setting):
    """Settings for these tests, whoever set Django up: they are put over what is there."""
    return override_settings(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=[],
        MIDDLEWARE=[*middleware, OURS],
        ROOT_URLCONF="log_site",
        STREAMINSTR=setting,
        DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID=True,
    )


class Bound:
    """A team's own middleware of the modern kind: the plain recipe, without django-structlog."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self.__acall__(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id(request)):
            return self.get_response(request)

    async def __acall__(self, request):
        with structlog.contextvars.bound_contextvars(request_id=request_id(request)):
            return await self.get_response(request)


def tmp_bind(get_response):
    """What django-structlog 1.2 to 2.2 does, the outdated version of the seed."""

    def middleware(request):
        with structlog.threadlocal.tmp_bind(logger):
            logger.bind(request_id=request_id(request))
            return get_response(request)

    return middleware


def bind_threadlocal(get_response):
    """The other thread-local way: a plain dict for each thread, and a processor."""

    def middleware(request):
        with structlog.threadlocal.bound_threadlocal(request_id=request_id(request)):
            return get_response(request)

    return middleware


def request_id(request):
    return request.headers.get("x-request-id", "none given")


class MyStreamingThing:
    """The seed's last example, with its span gone and its logger from wherever `own` says."""

    def __init__(self, own=False):
        self.logger = (lambda: current_stream().logger) if own else (lambda: logger)

    def stream_stuff(self):
        log = self.logger().bind(foo="bar")
        for i in range(3):
            log.info("Yielding...")
            yield i

    async def astream_stuff(self):
        log = self.logger().bind(foo="bar")
        for i in range(3):
            await asyncio.sleep(0)
            log.info("Yielding...")
            yield i


def body_of(request, thing):
    return thing.astream_stuff() if hasattr(request, "scope") else thing.stream_stuff()


@stream_scope("my_streaming_thing.stream_stuff")
def my_view(request, own):
    return StreamingHttpResponse(
        body_of(request, MyStreamingThing(own=own == "own")), content_type="text/event-stream"
    )


def undecorated_view(request):
    return StreamingHttpResponse(body_of(request, MyStreamingThing()))


def plain_view(request):
    logger.info("view")
    return HttpResponse()


async def async_view(request):
    return StreamingHttpResponse(MyStreamingThing().astream_stuff())


urlpatterns = [
    path("stuff/<own>/", my_view),
    path("undecorated/", undecorated_view),
    path("plain/", plain_view),
    path("async/", async_view),
]


def wsgi_response(url, **headers):
    """The response of Django's WSGI handler in our outermost net, not stepped yet."""
    environ = RequestFactory(headers=headers).get(url).environ
    return wsgi.StreamScopeMiddleware(WSGIHandler())(environ, lambda *_: None)


def by_wsgi(url, **headers):
    """All chunks; in between, the server logs a line of its own."""
    response = wsgi_response(url, **headers)
    chunks = []
    for chunk in response:
        server.info("between")
        chunks.append(chunk)
    response.close()
    server.info("afterwards")
    return chunks


async def by_asgi(url, **headers):
    """The same by ASGI: the application sends, and a task of the server's takes it from there."""
    sent, taken, chunks = asyncio.Queue(), asyncio.Queue(), []
    asked = itertools.count()

    async def receive():
        if next(asked) == 0:
            return {"type": "http.request"}
        return await asyncio.Event().wait()

    async def send(message):
        await sent.put(message)
        await taken.get()

    async def serve():
        while message := await sent.get():
            if message.get("body"):
                server.info("between")
                chunks.append(message["body"])
            await taken.put(None)

    scope = {
        "type": "http",
        "method": "GET",
        "path": url,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    serving = asyncio.create_task(serve())
    await asgi.StreamScopeMiddleware(ASGIHandler())(scope, receive, send)
    server.info("afterwards")
    await sent.put(None)
    await serving
    return chunks


def by_turns(*identifiers, url="/undecorated/"):
    """Each request's chunks by WSGI, in turns on one thread; a line of the server's in between."""
    responses = [wsgi_response(url, **{"x-request-id": each}) for each in identifiers]
    for step in zip(*responses, strict=True):
        server.info("between", chunks=len(step))
    for response in responses:
        response.close()


def by_hops(identifier, url="/undecorated/"):
    """A request by WSGI, where each step is on a thread of its own that then serves something."""

    def step():
        chunk = next(response, None)
        server.info("between")
        return chunk

    response = wsgi_response(url, **{"x-request-id": identifier})
    while in_thread(step) is not None:
        pass
    response.close()


def in_thread(function, *arguments):
    """What `function` gives on a thread where nothing was run before."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()
