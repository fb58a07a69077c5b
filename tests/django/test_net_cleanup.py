"""A client leaves while Django sends: the body is cleaned up where it has been stepped."""

import asyncio
import gc
import itertools
from contextvars import ContextVar

import anyio
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.asyncio import async_unsafe
from django.utils.decorators import async_only_middleware

import streaminstr
from server_by_hand import Blocked, ByHand, call, gone
from streaminstr import wsgi
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.testing import RecordingBackend

# Django 5.2 forgets to close the body of a request that was aborted.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file .*Spooled:ResourceWarning")
OURS = "streaminstr.django.middleware.StreamScopeMiddleware"
SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
variable = ContextVar("variable")
seen = []
cleaning = []
recording = RecordingBackend()


async def chunks():
    while True:
        yield b"chunk"
        await asyncio.sleep(0)


async def plain():
    stepped_in = asyncio.current_task()
    try:
        async for chunk in chunks():
            yield chunk
    finally:
        seen.append(asyncio.current_task() is stepped_in)


async def task_group():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(3600))
            async for chunk in plain():
                yield chunk
    finally:
        seen.append("left")


async def cancel_scope():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 3600)
        try:
            async for chunk in chunks():
                yield chunk
        finally:
            group.cancel_scope.cancel()
            seen.append("left")


lock = anyio.Lock()


async def locked():
    async with lock:
        async for chunk in chunks():
            yield chunk


async def time_limit():
    async with asyncio.timeout(3600):
        async for chunk in chunks():
            yield chunk


async def waits_for_what_it_cancelled():
    worker = asyncio.create_task(asyncio.sleep(3600))
    try:
        async for chunk in chunks():
            yield chunk
    finally:
        worker.cancel()
        seen.append("left")
        await worker


async def fails():
    try:
        async for chunk in chunks():
            yield chunk
    finally:
        seen.append("left")
        raise KeyError


async def never_cleans_up():
    try:
        async for chunk in chunks():
            yield chunk
    finally:
        cleaning[0].set()
        await asyncio.Event().wait()


BODIES = {
    body.__name__: body
    for body in (
        *(plain, task_group, cancel_scope, locked, time_limit),
        *(waits_for_what_it_cancelled, fails, never_cleans_up),
    )
}


async def view(request, body):
    return StreamingHttpResponse(BODIES[body]())


async def adopted(request, body):
    return StreamingHttpResponse(streaminstr.stream(BODIES[body](), name="mine"))


def rows(request):
    return StreamingHttpResponse(iter([b"1", b"2"]))


class Cursor:
    """A sync body that may be closed only where no event loop runs, such as one over the ORM."""

    def __iter__(self):
        return iter([b"1", b"2", b"3"])

    @async_unsafe
    def close(self):
        seen.append("closed")


class Upstream:
    """An async body that is not a generator, and so has something to close after its last chunk."""

    def __init__(self):
        self._chunks = iter([b"1", b"2"])

    def __aiter__(self):
        return self

    async def __anext__(self):
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


class Closed(Upstream):
    @async_unsafe
    def close(self):
        seen.append("closed")


class AsyncClosed(Upstream):
    async def close(self):
        await asyncio.sleep(0)
        seen.append("closed")


class AcloseOnly(Upstream):
    async def aclose(self):
        await asyncio.sleep(0)
        seen.append("closed")


class ClosedInTheMiddle(Closed):
    def __init__(self):
        self._chunks = itertools.repeat(b"chunk")


class ClosedWhileItWaits(Closed):
    async def __anext__(self):
        cleaning[0].set()
        await asyncio.Event().wait()


async def upstream(request, kind):
    return StreamingHttpResponse(KINDS[kind]())


UPSTREAMS = {kind.__name__: kind for kind in (Closed, AsyncClosed, AcloseOnly)}
KINDS = UPSTREAMS | {kind.__name__: kind for kind in (ClosedInTheMiddle, ClosedWhileItWaits)}


def cursor(request):
    return StreamingHttpResponse(Cursor())


def adopted_cursor(request):
    return StreamingHttpResponse(streaminstr.stream(Cursor(), name="mine"))


urlpatterns = [
    path("rows", rows),
    path("cursor", cursor),
    path("upstream/<kind>", upstream),
    path("adopted/cursor", adopted_cursor),
    path("adopted/<body>", adopted),
    path("<body>", view),
]


@async_only_middleware
def close_early(get_response):
    """Takes a chunk of the response, closes it in a worker thread and answers with another one."""

    async def handle(request):
        response = await get_response(request)
        await anext(aiter(response))
        await asyncio.to_thread(response.close)
        seen.append("closed")
        return HttpResponse("another")

    return handle


@async_only_middleware
def answer_instead(get_response):
    """Closes the response in a worker thread before its first chunk, and answers with another."""

    async def handle(request):
        response = await get_response(request)
        await asyncio.to_thread(response.close)
        return HttpResponse("another")

    return handle


@pytest.fixture(autouse=True)
def site():
    seen.clear()
    recording.streams.clear()
    options = {
        "MIDDLEWARE": [OURS],
        "ROOT_URLCONF": __name__,
        "STREAMINSTR": {"BACKEND": recording, "LOG_LEVELS": SILENT},
    }
    with override_settings(**options):
        yield
    gc.collect()


async def leave_while_sending(path):
    """Serve `path` to a client that reads two chunks and leaves; returns what the loop logs."""
    blocked, logged = Blocked(3), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    server = ByHand(path, on_send=blocked)
    task = asyncio.create_task(server.call(StreamScopeMiddleware(ASGIHandler())))
    await blocked.is_waiting.wait()
    server.leave()
    await task
    seen.append("served")
    gc.collect()
    await asyncio.sleep(0.01)
    return logged


def endings():
    return [(stream.outcome, stream.report.cancelled_by) for stream in recording.closed]


@pytest.mark.parametrize("place", ["/", "/adopted/"])
async def test_the_clean_up_is_over_when_the_request_is(place):
    assert await leave_while_sending(f"{place}plain") == []
    assert seen == [True, "served"]
    assert endings() == [("cancelled", "client")]


@pytest.mark.parametrize("body", ["task_group", "cancel_scope"])
async def test_a_group_of_tasks_that_the_body_is_in_is_left(body, caplog):
    assert await leave_while_sending(f"/{body}") == []
    assert seen.index("left") < seen.index("served")
    assert caplog.records == []
    assert endings() == [("cancelled", "client")]


@pytest.mark.parametrize("body", ["locked", "time_limit"])
async def test_what_belongs_to_the_task_of_the_body_is_released(body, caplog):
    assert await leave_while_sending(f"/{body}") == []
    assert caplog.records == []
    assert not lock.locked()


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")
@pytest.mark.parametrize("place", ["/", "/adopted/"])
async def test_a_sync_body_is_closed_in_djangos_thread(place, caplog):
    """And not in the event loop, where the ORM refuses to work."""
    assert await leave_while_sending(f"{place}cursor") == []
    assert seen == ["closed", "served"]
    assert caplog.records == []


async def test_an_async_body_with_a_sync_close_is_closed_in_djangos_thread(caplog):
    assert await leave_while_sending("/upstream/ClosedInTheMiddle") == []
    assert seen == ["closed", "served"]
    assert caplog.records == []
    assert endings() == [("cancelled", "client")]


async def test_it_is_so_where_the_client_leaves_while_the_body_waits(caplog):
    cleaning[:] = [asyncio.Event()]
    server = ByHand("/upstream/ClosedWhileItWaits")
    task = asyncio.create_task(server.call(StreamScopeMiddleware(ASGIHandler())))
    await cleaning[0].wait()
    server.leave()
    await task
    assert seen == ["closed"]
    assert caplog.records == []
    assert endings() == [("cancelled", "client")]


@pytest.mark.parametrize("kind", UPSTREAMS)
async def test_a_body_that_was_read_to_its_end_is_closed(kind):
    """Django has dropped the response when the call ends, and the net finds nothing to close."""
    await ByHand(f"/upstream/{kind}").call(StreamScopeMiddleware(ASGIHandler()))
    await asyncio.sleep(0.01)
    assert seen == ["closed"]
    assert endings() == [("completed", None)]


async def test_a_body_that_is_never_read_is_closed_as_without_a_net():
    """What has to be awaited is not: no loop has stepped it."""
    with override_settings(MIDDLEWARE=[f"{__name__}.answer_instead", OURS]):
        await ByHand("/upstream/Closed").call(StreamScopeMiddleware(ASGIHandler()))
    assert seen == ["closed"]
    assert endings() == []


async def test_a_clean_up_that_fails_does_not_reach_the_server(caplog):
    assert await leave_while_sending("/fails") == []
    assert seen == ["left", "served"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("body", ["task_group", "waits_for_what_it_cancelled"])
async def test_the_error_of_the_send_is_the_one_that_goes_on(body, caplog):
    """Not what the clean-up brings: a group of GeneratorExit, the cancellation of a worker."""
    with pytest.raises(ConnectionResetError):
        await ByHand(f"/{body}", on_send=gone).call(StreamScopeMiddleware(ASGIHandler()))
    assert "left" in seen
    assert caplog.records == []
    assert endings() == [("cancelled", "client")]


async def test_a_clean_up_that_does_not_end_can_be_cancelled():
    """Whether the cancellation goes on to the server is Django's to say: up to 5.2 it does not."""
    cleaning[:] = [asyncio.Event()]
    blocked = Blocked(3)
    server = ByHand("/never_cleans_up", on_send=blocked)
    task = asyncio.create_task(server.call(StreamScopeMiddleware(ASGIHandler())))
    await blocked.is_waiting.wait()
    server.leave()
    await cleaning[0].wait()
    task.cancel()
    await asyncio.wait([task])
    assert endings() == [("cancelled", "client")]


async def test_a_body_that_is_closed_in_a_worker_thread_is_cleaned_up_by_the_net():
    with override_settings(MIDDLEWARE=[f"{__name__}.close_early", OURS]):
        await ByHand("/plain").call(StreamScopeMiddleware(ASGIHandler()))
    assert seen[0] == "closed"
    assert len(seen) == 2
    assert endings() == [("cancelled", None)]


async def test_without_a_net_the_body_is_cleaned_up_at_once():
    with override_settings(MIDDLEWARE=[f"{__name__}.close_early", OURS]):
        await ByHand("/plain").call(ASGIHandler())
    await asyncio.sleep(0.01)
    assert len(seen) == 2
    assert endings() == [("cancelled", None)]


def bind_in_body(get_response):
    """Holds a context variable for as long as the body lasts, as django-structlog 11 does."""

    def middleware(request):
        response = get_response(request)

        def bound(content):
            token = variable.set("bound")
            try:
                yield from content
            finally:
                variable.reset(token)
                seen.append("let go")

        response.streaming_content = bound(response.streaming_content)
        return response

    return middleware


@pytest.mark.parametrize("mine", [[OURS], []], ids=["with middleware", "net alone"])
def test_what_a_middleware_holds_for_the_body_it_can_let_go_of_under_wsgi(mine):
    with override_settings(MIDDLEWARE=[f"{__name__}.bind_in_body", *mine]):
        result = call(wsgi.StreamScopeMiddleware(WSGIHandler()), "/rows")
        assert next(iter(result)) == b"1"
        result.close()
    assert seen == ["let go"]
    assert endings() == [("cancelled", None)]


async def test_shutdown_closes_a_body_at_once_that_a_net_is_to_close():
    blocked = Blocked(3)
    task = asyncio.create_task(
        ByHand("/plain", on_send=blocked).call(StreamScopeMiddleware(ASGIHandler()))
    )
    await blocked.is_waiting.wait()
    await asyncio.to_thread(streaminstr.shutdown)
    assert endings() == [("cancelled", "server")]
    blocked.proceed.set()
    await task
