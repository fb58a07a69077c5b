"""One stream is closed from outside, by its id."""

import asyncio

import pytest

from core_fakes import Iterator
from streaminstr import Outcome, close_stream, current_stream, stream


def facts(backend):
    (recorded,) = backend.streams
    report = recorded.report
    return recorded.outcome, report.cancelled_by, report.close_reason


def test_a_sync_body_ends_with_its_next_step(backend):
    body = Iterator(1, 2)
    made = stream(body)
    next(made)
    (open_one,) = backend.streams
    assert close_stream(open_one.info.stream_id, reason="leaked since Monday")
    assert list(made) == []
    assert len(body.closed_in) == 1
    assert facts(backend) == (Outcome.CANCELLED, "server", "leaked since Monday")


async def test_a_body_that_waits_is_told_to_wait_no_longer(backend):
    ids = asyncio.Queue()

    async def body():
        yield current_stream().id
        await asyncio.Event().wait()

    async def read():
        async for one in stream(body()):
            ids.put_nowait(one)

    reading = asyncio.create_task(read())
    assert close_stream(await ids.get())
    await reading
    assert facts(backend) == (Outcome.CANCELLED, "server", None)


@pytest.mark.parametrize("when", ["unknown", "not begun", "ended"])
def test_what_is_not_open_is_not_found(backend, when):
    made = stream([1])
    if when == "ended":
        list(made)
    stream_id = "0" * 16 if when == "unknown" else backend.streams[0].info.stream_id
    assert not close_stream(stream_id)
    made.close()


def test_a_reason_is_short_and_controls_no_terminal(backend):
    made = stream([1, 2])
    next(made)
    close_stream(backend.streams[0].info.stream_id, reason="\x1b[31mred\n" + "x" * 300)
    made.close()
    assert facts(backend)[2] == "[31mred" + "x" * 193


def test_the_first_cause_stands(backend):
    made = stream([1, 2])
    next(made)
    stream_id = backend.streams[0].info.stream_id
    assert close_stream(stream_id, reason="first")
    assert close_stream(stream_id, reason="second")
    made.close(cancelled_by="client")
    assert facts(backend) == (Outcome.CANCELLED, "server", "first")
