"""Endpoints that yield events: the generator has the scope, in the task that steps it.

Here a copy of what FastAPI does is stepped, in tests/real FastAPI itself.
"""

import asyncio
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount

from server_by_hand import Blocked, ByHand, gone
from starlette_by_hand import site, visit
from streaminstr import current_stream, stream, streamed
from streaminstr._http import route_of
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.starlette import instrument
from yielding_by_hand import YieldingRoute, yielding

NETS = pytest.mark.parametrize(
    "net", [lambda app: app, StreamScopeMiddleware], ids=["alone", "net"]
)
NAME = "GET /numbers/{kind}"


@dataclass
class Event:
    data: int | None = None
    raw_data: str | None = None
    comment: str | None = None


class Notes(list):
    async def items(self, count=20):
        try:
            for number in range(count):
                self.append((number, current_stream().info.name))
                yield number
        finally:
            await asyncio.sleep(0)
            self.append(("cleaned up", current_stream().info.name))


@pytest.fixture
def notes():
    return Notes()


def ends(backend):
    return [(stream.outcome, stream.report.cancelled_by) for stream in backend.started]


@NETS
@pytest.mark.parametrize("include", [False, True], ids=["route", "included"])
async def test_the_scope_is_current_in_the_generator(backend, notes, net, include):
    server = await visit(net(yielding(lambda: notes.items(2), include=include)))
    assert server.chunks == [b"data: 0\n\n", b"data: 1\n\n"]
    assert notes == [(0, NAME), (1, NAME), ("cleaned up", NAME)]
    (stream,) = backend.started
    assert (stream.outcome, stream.report.chunks, stream.report.events) == ("completed", 2, 2)
    assert stream.report.bytes == 0
    shown = {**stream.info.attributes, **stream.report.attributes}
    assert shown["http.response.status_code"] == 200
    assert shown["streaminstr.content_type"] == "text/event-stream"


async def test_a_comment_is_a_ping_and_what_has_neither_is_nothing(backend):
    async def items():
        yield Event(data=1)
        yield Event(comment="ping")
        yield Event(data=2)

    await visit(yielding(items))
    assert (backend.started[0].report.events, backend.started[0].report.pings) == (2, 1)


@pytest.mark.parametrize("ours", [False, True], ids=["plain", "ours"])
async def test_an_error_of_the_generator_fails_it(backend, ours):
    async def items():
        yield 1
        raise KeyError

    with pytest.raises(ExceptionGroup):
        await visit(yielding(items, ours=ours))
    assert ends(backend) == ([("failed", None)] if ours else [])


async def test_an_item_that_cannot_be_sent_fails_it(backend, notes):
    async def items():
        yield "odd"

    with pytest.raises(ExceptionGroup):
        await visit(yielding(items))
    assert ends(backend) == [("failed", None)]


@NETS
async def test_a_send_that_fails_is_the_clients_doing(backend, notes, net):
    with pytest.raises(ExceptionGroup):
        await visit(net(yielding(notes.items)), on_send=gone)
    assert notes[-1] == ("cleaned up", NAME)
    assert ends(backend) == [("cancelled", "client")]


@NETS
async def test_a_client_that_leaves_while_the_generator_waits(backend, net):
    cleaned = []

    async def items():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            cleaned.append(current_stream().info.name)

    blocked = Blocked(1)
    server = ByHand("/numbers/odd", on_send=blocked)
    server.scope["asgi"]["spec_version"] = "2.3"
    task = asyncio.create_task(server.call(net(yielding(items))))
    await blocked.is_waiting.wait()
    blocked.proceed.set()
    server.leave()
    await task
    assert cleaned == [NAME]
    assert ends(backend) == [("cancelled", "client")]


@pytest.mark.parametrize(
    "endpoint",
    [streamed("mine")(Notes().items), lambda: stream(Notes().items(), name="mine")],
    ids=["streamed", "stream"],
)
async def test_a_stream_of_the_applications_own_is_adopted(backend, endpoint):
    await visit(yielding(endpoint))
    (one,) = backend.started
    assert (one.name, one.outcome) == ("mine", "completed")
    assert {**one.info.attributes, **one.report.attributes}["http.route"] == "/numbers/{kind}"


async def test_an_endpoint_of_two_applications_is_wrapped_once(backend, notes):
    route = YieldingRoute("/numbers/{kind}", lambda: notes.items(1))
    for app in (Starlette(routes=[route]), Starlette(routes=[Mount("/m", routes=[route])])):
        instrument(app)
        await visit(app, "/m/numbers/odd" if isinstance(app.routes[0], Mount) else "/numbers/odd")
    assert ends(backend) == [("completed", None)] * 2
    assert not hasattr(route.dependant.call.__wrapped__, "__wrapped__")


async def test_outside_of_a_request_an_endpoint_is_what_it_was(backend, notes):
    app = yielding(lambda: notes.items(1))
    await visit(app)
    (route,) = app.routes
    items = route.dependant.call()
    assert type(items).__name__ == "async_generator"
    await items.aclose()


def test_a_route_of_a_router_has_its_prefix():
    route = SimpleNamespace(path="/numbers")
    record = SimpleNamespace(original_route=route, path="/shop/numbers")
    scope = {"route": route, "fastapi": {"effective_route_context": record}}
    assert route_of(scope) == "/shop/numbers"
    assert route_of({**scope, "route": SimpleNamespace(path="/other")}) == "/other"


class Other(Response):
    """As sse-starlette's response: it steps and encodes its body itself."""

    sep = "\n"

    def __init__(self, body):
        self.status_code, self.media_type, self.background = 200, "text/event-stream", None
        self.body_iterator = body
        self.init_headers(None)

    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self.body_iterator:
            body = encode(chunk, self.sep)
            try:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            except BaseException:
                if hasattr(self.body_iterator, "aclose"):
                    await self.body_iterator.aclose()
                raise
        await send({"type": "http.response.body"})


def encode(chunk, sep):
    return f"data: {chunk['data']}{sep}{sep}".encode()


@pytest.fixture
def sse_starlette(monkeypatch):
    module = ModuleType("sse_starlette.sse")
    module.EventSourceResponse, module.ensure_bytes = Other, encode
    monkeypatch.setitem(sys.modules, "sse_starlette.sse", module)


@pytest.mark.usefixtures("sse_starlette")
async def test_of_sse_starlette_what_is_sent_is_counted(backend):
    async def body():
        assert current_stream()
        yield {"data": "one"}

    server = await visit(site(lambda request: Other(body())))
    assert server.chunks == [b"data: one\n\n"]
    assert (backend.started[0].report.events, backend.started[0].report.bytes) == (1, 11)


class Channel:
    """An async iterator with both closers, such as a receive stream of anyio."""

    def __init__(self, closed):
        self.closed = closed

    def __aiter__(self):
        return self

    async def __anext__(self):
        return {"data": "one"}

    async def aclose(self):
        self.closed.append("aclose")

    def close(self):
        self.closed.append("close")


class Separate(Channel):
    async def __aiter__(self):
        try:
            while True:
                yield {"data": "one"}
        finally:
            self.closed.append("generator")


@NETS
@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("kind", [Channel, Separate])
@pytest.mark.usefixtures("backend", "sse_starlette")
async def test_what_sse_starlette_closes_is_closed(kind, ours, net):
    """Its `aclose`, as it does itself: what sends to a channel waits for that."""
    closed = []
    app = net(site(lambda request: Other(kind(closed)), ours=ours))
    with pytest.raises(ConnectionError):
        await visit(app, on_send=gone)
    assert [one for one in closed if one != "generator"] == ["aclose"]


@pytest.mark.usefixtures("backend", "sse_starlette")
async def test_the_stream_of_an_application_closes_as_it_does_itself():
    closed = []
    app = site(lambda request: Other(stream(Channel(closed), name="mine")))
    with pytest.raises(ConnectionError):
        await visit(app, on_send=gone)
    assert closed == ["aclose"]
