"""The servers that a test is in control of end a response as real ones do."""

import asyncio

import pytest

import streaminstr
from shop_responses import ROWS, ready_rows, respond, rows, waiting_rows
from streaminstr.testing._settle import settled


def test_read_gives_all_chunks_and_closes(streams):
    assert streams.read(respond(rows())) == ROWS
    streams.assert_closed_once("orders.export", outcome="completed")


def test_read_of_some_chunks_leaves_the_stream_open(streams):
    response = respond(rows())
    assert streams.read(response, 2) == ROWS[:2]
    assert streams.one().is_open
    assert streams.read(response) == ROWS[2:]


def test_disconnect_closes_the_response(streams):
    done = []
    assert streams.disconnect(respond(rows(done)), after=2) == ROWS[:2]
    assert streams.assert_closed_once(outcome="cancelled").report.chunks == 2
    assert done == ["cleaned up"]


def test_fail_in_send_takes_a_chunk_that_nobody_gets(streams):
    assert streams.fail_in_send(respond(rows()), after=1) == ROWS[:1]
    assert streams.assert_closed_once(outcome="cancelled").report.chunks == 2


def test_never_iterate_starts_nothing(streams):
    streams.never_iterate(respond(rows()))
    assert streams.one().events == ["open"]


def test_nobody_can_leave_after_the_end(streams):
    with pytest.raises(AssertionError, match="ended after 3 chunks, before the client could"):
        streams.disconnect(respond(rows()), after=4)


async def test_aread_gives_all_chunks_and_closes(streams):
    assert await streams.aread(respond(waiting_rows())) == ROWS
    streams.assert_closed_once(outcome="completed")


async def test_aread_of_some_chunks_leaves_the_stream_open(streams):
    response = respond(waiting_rows())
    assert await streams.aread(response, 0) == []
    assert await streams.aread(response, 2) == ROWS[:2]
    assert streams.one().is_open
    assert await streams.aread(response) == ROWS[2:]


async def test_adisconnect_cancels_the_handler_in_send(streams):
    done = []
    assert await streams.adisconnect(respond(waiting_rows(done)), after=1) == ROWS[:1]
    assert streams.assert_closed_once(outcome="cancelled").report.chunks == 2
    assert done == ["cleaned up"]


@pytest.mark.parametrize("after", [1, 2])
async def test_acancel_cancels_the_body_in_its_await(streams, after):
    done = []
    assert await streams.acancel(respond(waiting_rows(done)), after=after) == ROWS[:after]
    assert streams.assert_closed_once(outcome="cancelled").report.chunks == after
    assert done == ["cleaned up"]


async def test_acancel_before_the_first_chunk(streams):
    async def never():
        yield await asyncio.Event().wait()

    assert await streams.acancel(respond(never()), after=0) == []
    assert streams.assert_closed_once(outcome="cancelled").report.chunks == 0


async def test_acancel_needs_an_await(streams):
    response = respond(ready_rows())
    with pytest.raises(AssertionError, match="without waiting"):
        await streams.acancel(response)
    response.close()


async def test_afail_in_send_leaves_the_stream_to_the_collector(streams):
    response = respond(waiting_rows())
    assert await streams.afail_in_send(response, after=1) == ROWS[:1]
    assert streams.one().is_open
    with pytest.warns(ResourceWarning, match="orders.export"):
        del response
    streams.assert_closed_once(outcome="abandoned")


async def test_a_body_that_fails_is_not_closed_by_django(streams):
    async def failing():
        yield b"one"
        msg = "out of stock"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="out of stock"):
        await streams.adisconnect(respond(failing()), after=1)
    streams.assert_closed_once(outcome="failed")


async def test_a_clean_up_that_awaits_is_waited_for(streams):
    done = []

    async def slow_to_leave():
        try:
            yield b"one"
            yield b"two"
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
            done.append("cleaned up")

    await streams.adisconnect(respond(slow_to_leave()))
    assert done == ["cleaned up"]
    streams.assert_closed_once(outcome="cancelled")


async def test_tasks_that_were_started_are_waited_for():
    async def turns():
        for _ in range(10):
            await asyncio.sleep(0)

    async with settled():
        task = asyncio.create_task(turns())
    assert task.done()


async def test_anever_iterate_starts_nothing(streams):
    await streams.anever_iterate(respond(waiting_rows()))
    assert streams.one().events == ["open"]


async def test_bare_streams_are_served_too(streams):
    assert streams.read(streaminstr.stream(rows(), name="sync")) == ROWS
    assert await streams.acancel(streaminstr.stream(waiting_rows(), name="async")) == ROWS[:1]
    streams.assert_closed_once("sync", outcome="completed")
    streams.assert_closed_once("async", outcome="cancelled")


async def test_the_wrong_server_says_which_is_right(streams):
    with pytest.raises(TypeError, match="This response is async"):
        streams.read(respond(waiting_rows()))
    with pytest.raises(TypeError, match="This response is sync"):
        await streams.aread(respond(rows()))
