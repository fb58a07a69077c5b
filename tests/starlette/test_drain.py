"""A drain under Starlette: a body knows, one that waits is interrupted, the client hears of it."""

import asyncio

import pytest
from starlette.responses import StreamingResponse

from starlette_by_hand import site, visit, visit_in_thread
from streaminstr import _stopping, close_stream, current_stream, stream
from yielding_by_hand import yielding

EVENT, BYE = b"data: 1\n\n", b"event: bye\n\n"


@pytest.fixture(autouse=True)
def options():
    return {"farewell": BYE}


def events(body, **headers):
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


def cause(backend):
    (closed,) = backend.closed
    return closed.outcome, closed.report.cancelled_by


async def waiting():
    yield EVENT
    close_stream(current_stream().id)
    await asyncio.Event().wait()


def in_threads():
    yield EVENT
    close_stream(current_stream().id)
    yield EVENT
    yield EVENT  # pragma: no cover - it has ended


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_body_that_waits_ends_with_the_farewell(backend, spec_version):
    app = site(lambda request: events(waiting()))
    server = visit_in_thread(app, spec_version=spec_version)
    assert server.chunks == [EVENT, BYE]
    assert not server.sent[-1]["more_body"]
    assert cause(backend) == ("cancelled", "server")


def test_a_stream_of_the_applications_own_says_it_too(backend):
    server = visit_in_thread(site(lambda request: events(stream(in_threads()))))
    assert server.chunks == [EVENT, EVENT, BYE]
    assert cause(backend) == ("cancelled", "server")


@pytest.mark.parametrize("header", ["content-length", "content-encoding"])
def test_a_body_of_fixed_length_or_that_is_encoded_has_no_farewell(backend, header):
    server = visit_in_thread(site(lambda request: events(waiting(), **{header: "99"})))
    assert server.chunks == [EVENT]


async def test_a_body_sees_that_the_process_drains(backend, monkeypatch):
    async def body():
        yield b"1"
        monkeypatch.setattr(_stopping, "draining", True)
        await current_stream().stopped()
        yield b"stopping" if current_stream().stopping else b"going on"

    assert (await visit(site(lambda request: body()))).chunks == [b"1", b"stopping"]


async def test_a_generator_whose_items_are_sent_from_another_task_ends_with_it(backend):
    async def items():
        yield 1
        close_stream(current_stream().id)
        await asyncio.Event().wait()

    server = await visit(yielding(items))
    assert server.chunks == [EVENT, BYE]
    assert cause(backend) == ("cancelled", "server")


async def test_one_that_ends_by_itself_has_no_farewell(backend):
    async def items():
        yield 1

    assert (await visit(yielding(items))).chunks == [EVENT]
    assert cause(backend) == ("completed", None)
