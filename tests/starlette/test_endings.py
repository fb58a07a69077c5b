"""However a response of Starlette's ends, its scope ends once, as the program does without us."""

import asyncio
from contextvars import ContextVar

import pytest
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from server_by_hand import Blocked, ByHand, gone
from starlette_by_hand import site, visit, visit_in_thread
from streaminstr import current_stream

SPECS = pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
OURS = pytest.mark.parametrize("ours", [False, True], ids=["plain", "ours"])
in_body = ContextVar("in_body", default="unset")


def ends(backend):
    return [(stream.outcome, stream.report.cancelled_by) for stream in backend.started]


class Notes(list):
    """What the bodies of one test saw."""

    async def numbers(self):
        in_body.set("by the body")
        try:
            for number in range(3):
                self.append((number, current_stream().info.name))
                yield b"%d" % number
        finally:
            await asyncio.sleep(0)
            self.append(("cleaned up", current_stream().info.name, in_body.get()))

    async def waiting(self):
        async for number in self.numbers():  # pragma: no branch - it waits
            yield number
            await asyncio.Event().wait()

    def sync_numbers(self):
        for number in range(3):
            self.append((number, current_stream().info.name))
            yield b"%d" % number


@pytest.fixture
def notes():
    return Notes()


@SPECS
async def test_a_body_that_is_read_has_one_scope_from_its_first_step_on(
    backend, notes, spec_version
):
    server = await visit(site(lambda request: notes.numbers()), spec_version=spec_version)
    name = "GET /numbers/{kind}"
    assert server.chunks == [b"0", b"1", b"2"]
    assert notes == [*((n, name) for n in range(3)), ("cleaned up", name, "by the body")]
    (stream,) = backend.started
    assert (stream.outcome, stream.report.chunks, stream.report.bytes) == ("completed", 3, 3)
    assert stream.info.attributes == {
        "http.request.method": "GET",
        "http.route": "/numbers/{kind}",
        "http.response.status_code": 200,
        "url.path": "/numbers/odd",
    }


def test_a_sync_body_is_stepped_in_threads_with_the_scope_current(backend, notes):
    server = visit_in_thread(site(lambda request: notes.sync_numbers()))
    assert server.chunks == [b"0", b"1", b"2"]
    assert {name for _, name in notes} == {"GET /numbers/{kind}"}
    assert ends(backend) == [("completed", None)]


async def fails_at_once():
    raise KeyError
    yield  # pragma: no cover - makes it a generator


async def fails_later():
    yield b"1"
    raise KeyError


@SPECS
@OURS
@pytest.mark.parametrize("body", [fails_at_once, fails_later])
async def test_an_error_of_the_body_reaches_the_server(backend, body, ours, spec_version):
    with pytest.raises(KeyError):
        await visit(site(lambda request: body(), ours=ours), spec_version=spec_version)
    assert ends(backend) == ([("failed", None)] if ours else [])


async def leave(app, number, *, spec_version="2.3"):
    """A visit whose client leaves when the send of a chunk, or the body, waits."""
    blocked = Blocked(number)
    server = ByHand("/numbers/odd", on_send=blocked)
    server.scope["asgi"]["spec_version"] = spec_version
    task = asyncio.create_task(server.call(app))
    await blocked.is_waiting.wait()
    return server, blocked, task


@OURS
async def test_a_client_that_leaves_while_the_body_waits(backend, notes, ours):
    server, blocked, task = await leave(site(lambda request: notes.waiting(), ours=ours), 1)
    blocked.proceed.set()
    server.leave()
    await task
    assert server.chunks == [b"0"]
    assert ends(backend) == ([("cancelled", "client")] if ours else [])


async def test_a_client_that_leaves_while_the_server_sends(backend, notes):
    """The clean-up awaits something, which Starlette's cancel scope does not end."""
    server, _, task = await leave(site(lambda request: notes.numbers()), 2)
    server.leave()
    await task
    assert notes[-1] == ("cleaned up", "GET /numbers/{kind}", "by the body")
    assert ends(backend) == [("cancelled", "client")]


@OURS
async def test_a_send_that_fails(backend, notes, ours):
    with pytest.raises(ClientDisconnect):
        await visit(site(lambda request: notes.numbers(), ours=ours), on_send=gone)
    assert ends(backend) == ([("cancelled", "client")] if ours else [])


@SPECS
async def test_a_task_that_is_cancelled(backend, notes, spec_version):
    app = site(lambda request: notes.numbers())
    _, _, task = await leave(app, 2, spec_version=spec_version)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert notes[-1][0] == "cleaned up"
    assert ends(backend) == [("cancelled", None)]


async def test_a_body_that_is_never_stepped_has_no_span(backend, notes):
    async def refuse(message):
        raise ConnectionResetError

    with pytest.raises(ClientDisconnect):
        await visit(site(lambda request: notes.numbers()), on_send=refuse)
    assert (notes, backend.started, len(backend.streams)) == ([], [], 1)


async def test_a_chunk_that_cannot_be_sent_fails_the_stream(backend):
    async def odd():
        yield 1

    with pytest.raises(AttributeError):
        await visit(site(lambda request: odd()))
    assert ends(backend) == [("failed", None)]


async def test_a_background_task_that_raises_fails_no_stream(backend, notes):
    async def fail():
        raise KeyError

    task = BackgroundTask(fail)
    app = site(lambda request: StreamingResponse(notes.numbers(), background=task))
    with pytest.raises(KeyError):
        await visit(app)
    assert ends(backend) == [("completed", None)]


class Shared:
    """A body that belongs to the application, and is read by each request anew."""

    is_closed = False

    def __aiter__(self):
        self.left = [b"1", b"2"]
        return self

    async def __anext__(self):
        if self.left:
            return self.left.pop()
        raise StopAsyncIteration

    async def aclose(self):  # pragma: no cover - its owner's to call
        self.is_closed = True

    close = aclose


async def test_what_is_no_generator_is_left_open_and_a_response_may_be_sent_again(backend):
    body = Shared()
    response = StreamingResponse(body)
    app = site(lambda request: response)
    for _ in range(2):
        assert (await visit(app)).chunks == [b"2", b"1"]
    assert response.body_iterator is body
    assert not body.is_closed
    assert ends(backend) == [("completed", None)] * 2


async def test_a_sync_generator_is_closed_in_its_stream_though_another_thread_may_hold_it(backend):
    seen = []

    def numbers():
        try:
            yield b"1"
        finally:
            seen.append(current_stream().info and current_stream().info.name)

    generator = numbers()
    with pytest.raises(ClientDisconnect):
        await visit(site(lambda request: generator), on_send=gone)
    assert seen == ["GET /numbers/{kind}"]
