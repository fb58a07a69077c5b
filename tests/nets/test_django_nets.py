"""Django in an outermost net: what it leaves open is closed, and there is one scope."""

import asyncio
import contextvars
import gc
import io
from wsgiref.util import FileWrapper

import pytest
import structlog
from asgiref.sync import sync_to_async
from asgiref.wsgi import WsgiToAsgi
from django.conf import settings
from django.core.cache import caches
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import async_only_middleware
from django.utils.functional import empty

import server_bodies
import server_site
from server_by_hand import Blocked, ByHand, call, gone
from streaminstr import asgi, wsgi
from streaminstr._calls import guard
from streaminstr.django.decorators import stream_scope

# Django 5.2 forgets to close the body of a request that was aborted.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file .*Spooled:ResourceWarning")
OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
STRUCTLOG = "django_structlog.middlewares.RequestMiddleware"
LEAKED = []


@stream_scope(enabled=False)
async def left_out(request):
    return StreamingHttpResponse(server_bodies.adrips(2, 0))


def cached(request):
    LEAKED.append(caches["default"])
    return HttpResponse()


def cached_file(request):
    LEAKED.append(caches["default"])
    return FileResponse(io.BytesIO(b"file"))


def cached_stream(request):
    def body():
        LEAKED.append(caches["default"])
        yield b"chunk"

    return StreamingHttpResponse(body())


def notes(request):
    def body():
        for _ in range(2):
            LEAKED.append(dict(structlog.contextvars.get_contextvars()))
            yield b"chunk"

    return StreamingHttpResponse(body())


urlpatterns = [
    *server_site.urlpatterns,
    path("left-out", left_out),
    path("notes", notes),
    path("cached", cached),
    path("cached-file", cached_file),
    path("cached-stream", cached_stream),
]


@async_only_middleware
def drops_started(get_response):
    """Takes a chunk of the response and answers with another one."""

    async def handle(request):
        response = await get_response(request)
        LEAKED.append(response)
        await anext(aiter(response))
        return HttpResponse("another")

    return handle


@pytest.fixture(autouse=True)
def collect():
    guard.errors.clear()
    yield
    gc.collect()


@pytest.fixture(params=[[OURS], []], ids=["with middleware", "net alone"])
def listed(request):
    """Django with our middleware, and without: the net then does it all."""
    with override_settings(MIDDLEWARE=request.param, ROOT_URLCONF=__name__):
        yield request.param


@pytest.fixture
def ours():
    LEAKED.clear()
    with override_settings(MIDDLEWARE=[OURS], ROOT_URLCONF=__name__):
        yield


async def serve(path, **options):
    server = ByHand(path=path, **options)
    await server.call(asgi.StreamScopeMiddleware(ASGIHandler()))
    return server


def serve_sync(path, **options):
    result = call(wsgi.StreamScopeMiddleware(WSGIHandler()), path, **options)
    try:
        return list(result)
    finally:
        result.close()


async def test_one_scope_under_asgi(recorded, listed):
    server = await serve("/async/full")
    (stream,) = recorded.streams
    assert len(server.chunks) == 5
    assert (stream.outcome, stream.report.chunks) == ("completed", 5)


def test_one_scope_under_wsgi(recorded, listed):
    assert len(serve_sync("/sync/full")) == 5
    (stream,) = recorded.streams
    assert (stream.outcome, stream.report.chunks) == ("completed", 5)


def by_asgiref():
    return WsgiToAsgi(WSGIHandler())


def by_starlette():
    from starlette.middleware.wsgi import WSGIMiddleware  # noqa: PLC0415 - it is deprecated

    return WSGIMiddleware(WSGIHandler())


@pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated")
@pytest.mark.parametrize("bridge", [by_asgiref, by_starlette])
async def test_one_scope_where_django_is_a_wsgi_application_under_asgi(recorded, ours, bridge):
    """Neither of them tells in the environ which ASGI scope it was made of."""
    server = ByHand("/sync/full")
    await server.call(asgi.StreamScopeMiddleware(bridge()))
    (stream,) = recorded.streams
    assert len(server.chunks) == 5
    assert (stream.name, stream.outcome) == ("GET sync/<str:body>", "completed")


async def test_the_net_closes_what_such_a_bridge_leaves_open(recorded, ours):
    with pytest.raises(ConnectionResetError):
        await ByHand("/sync/full", on_send=gone).call(asgi.StreamScopeMiddleware(by_asgiref()))
    (stream,) = recorded.streams
    assert (stream.outcome, stream.report.cancelled_by) == ("cancelled", "client")


async def test_a_request_that_is_made_in_process_is_none_of_such_a_bridge(recorded, ours):
    """Its environ is another one, and so its response is: here of an application of ASGI."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        inner = await sync_to_async(lambda: b"".join(call(WSGIHandler(), "/sync/full")))()
        await send({"type": "http.response.body", "body": inner, "more_body": True})
        await send({"type": "http.response.body"})

    await ByHand("/outer").call(asgi.StreamScopeMiddleware(app))
    assert sorted(stream.name for stream in recorded.streams) == ["GET", "GET sync/<str:body>"]


def test_a_plain_response_has_no_scope_under_wsgi(recorded, listed):
    serve_sync("/plain")
    assert recorded.streams == []


async def test_a_plain_response_in_several_messages_has_no_scope(recorded, ours):
    server = await serve("/plain")
    assert len(server.chunks) > 1
    assert recorded.streams == []


async def test_a_response_that_was_left_out_stays_left_out(recorded, ours):
    await serve("/left-out")
    assert recorded.streams == []


def test_outside_of_a_net_the_middleware_needs_none(recorded, ours):
    result = call(WSGIHandler(), "/sync/full")
    assert len(list(result)) == 5
    result.close()


async def test_a_decorator_alone_is_enough_to_leave_a_response_out(recorded):
    with override_settings(MIDDLEWARE=[], ROOT_URLCONF=__name__):
        await serve("/left-out")
    assert recorded.streams == []


async def test_an_exception_in_the_body_fails_it_once(recorded, listed):
    with pytest.raises(ValueError, match="as the test wants it"):
        await serve("/async/fails")
    (stream,) = recorded.streams
    assert stream.events == ["open", "start", "close"]
    assert (stream.outcome, stream.report.chunks) == ("failed", 2)


async def test_a_disconnect_during_an_await_is_the_clients_doing(recorded, listed):
    sent = asyncio.Event()

    async def note(message):
        if message.get("body"):
            sent.set()

    server = ByHand("/async/blocks", on_send=note)
    task = asyncio.create_task(server.call(asgi.StreamScopeMiddleware(ASGIHandler())))
    await sent.wait()
    server.leave()
    await task
    (stream,) = recorded.streams
    assert stream.events == ["open", "start", "close"]
    assert (stream.outcome, stream.report.cancelled_by) == ("cancelled", "client")


async def test_a_disconnect_during_a_send_is_the_clients_doing(recorded, listed):
    """Django closes nothing then: without the net it is left to the garbage collector."""
    blocked = Blocked(2)
    server = ByHand("/async/drip", on_send=blocked)
    task = asyncio.create_task(server.call(asgi.StreamScopeMiddleware(ASGIHandler())))
    await blocked.is_waiting.wait()
    server.leave()
    await task
    (stream,) = recorded.streams
    assert stream.events == ["open", "start", "close"]
    assert (stream.outcome, stream.report.cancelled_by) == ("cancelled", "client")


async def test_a_send_that_fails_is_the_clients_doing(recorded, listed):
    with pytest.raises(ConnectionResetError):
        await serve("/async/drip", on_send=gone)
    (stream,) = recorded.streams
    assert stream.events == ["open", "start", "close"]
    assert (stream.outcome, stream.report.cancelled_by) == ("cancelled", "client")


async def test_a_response_that_was_begun_and_dropped_is_closed(recorded):
    LEAKED.clear()
    middleware = [f"{__name__}.drops_started", OURS]
    with override_settings(MIDDLEWARE=middleware, ROOT_URLCONF=__name__):
        server = await serve("/async/drip")
    (stream,) = recorded.streams
    assert server.chunks == [b"another"]
    assert (stream.outcome, stream.report.chunks) == ("cancelled", 1)


@pytest.mark.parametrize("path", ["/async/dropped", "/sync/dropped"])
async def test_a_response_that_was_dropped_before_it_began_has_no_scope(recorded, path):
    middleware = ["server_site.drop_middleware", OURS]
    with override_settings(MIDDLEWARE=middleware, ROOT_URLCONF=__name__):
        server = await serve(path)
    assert server.chunks == [b"another"]
    assert recorded.started == []


def test_what_another_middleware_holds_across_its_yields_is_not_seen_by_the_server(recorded):
    """django-structlog 11 binds its fields for as long as its generator lives."""
    LEAKED.clear()
    structlog.contextvars.clear_contextvars()
    with override_settings(MIDDLEWARE=[STRUCTLOG, OURS], ROOT_URLCONF=__name__):
        result = call(wsgi.StreamScopeMiddleware(WSGIHandler()), "/notes")
        for _ in result:
            assert structlog.contextvars.get_contextvars() == {}
        result.close()
    assert structlog.contextvars.get_contextvars() == {}
    assert all("request_id" in bound for bound in LEAKED)
    assert len(LEAKED) == 2


@pytest.mark.parametrize("url", ["/cached", "/cached-stream"])
def test_connections_to_caches_stay_with_the_thread(url, recorded):
    """Django keeps them in a context variable: a pool, which no request should make anew."""
    LEAKED.clear()
    thread = contextvars.Context()
    with override_settings(MIDDLEWARE=[OURS], ROOT_URLCONF=__name__):
        for _ in range(2):
            thread.run(serve_sync, url)
    assert LEAKED[0] is LEAKED[1]


def test_so_they_do_where_the_server_sends_a_file_by_itself(recorded):
    LEAKED.clear()
    thread = contextvars.Context()
    with override_settings(MIDDLEWARE=[OURS], ROOT_URLCONF=__name__):
        for _ in range(2):
            net = wsgi.StreamScopeMiddleware(WSGIHandler())
            result = thread.run(call, net, "/cached-file", **{"wsgi.file_wrapper": FileWrapper})
            thread.run(result.close)
    assert LEAKED[0] is LEAKED[1]


def test_where_django_is_not_set_up_there_are_none(recorded, monkeypatch):
    monkeypatch.setattr(settings, "_wrapped", empty)
    assert wsgi.StreamScopeMiddleware(lambda *_: [b"one"])({}, print) == [b"one"]
    assert dict(guard.errors) == {}
