"""What eleven servers were measured to do to a body: one rule each, by Django's two handlers.

The numbers are those of the measurements. tests/servers repeats them on the servers themselves;
here the test is the server, so that each rule is met every time. Which net holds a rule is said
where only one does.
"""

import asyncio
import gc
import os
import threading
import warnings
from contextvars import ContextVar, copy_context

import pytest
from asgiref.sync import sync_to_async
from django.http import FileResponse, StreamingHttpResponse

from django_by_hand import Asgi, Wsgi
from django_site import AsyncBody, Body
from streaminstr import current_stream
from streaminstr.asgi import StreamScopeMiddleware as AsgiNet

leaky = ContextVar("leaky", default="clean")


def outcomes(backend):
    return [stream.outcome for stream in backend.closed]


async def forever(seen):
    """A body that never waits, and notes its clean-up."""
    try:
        while True:
            yield b"a"
    finally:
        seen.append(current_stream() is not None)


def leaving_in_send(request):
    async def block():
        request.left.set()
        await asyncio.Event().wait()

    request.sending = lambda message: block() if message.get("body") else None
    return request


async def test_01_after_an_exception_under_asgi_the_stream_ends_itself(answer, backend):
    """The net inside the step: `response.close()` never comes."""
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a", error=UnicodeError())))
    with pytest.raises(UnicodeError):
        await Asgi().run()
    assert outcomes(backend) == ["failed"]


async def test_02_a_generator_that_is_left_in_send_is_closed_without_the_collector(answer, backend):
    """The net `close()`: Django closes its own outer iterator alone."""
    seen = []
    answer(lambda: StreamingHttpResponse(forever(seen)))
    gc.disable()
    try:
        await leaving_in_send(Asgi()).run()
        await asyncio.sleep(0)
    finally:
        gc.enable()
    assert seen == [True]
    assert outcomes(backend) == ["cancelled"]


def test_03_a_streams_close_is_synchronous(answer, backend):
    answer(lambda: StreamingHttpResponse(forever([])))
    request = Wsgi()
    assert request.body._resource_closers[0]() is None


async def test_04_where_send_raises_the_outermost_net_ends_the_stream(answer, backend):
    """The net round the application: nobody else is called."""
    seen = []
    answer(lambda: StreamingHttpResponse(forever(seen)))
    request = Asgi()

    def refuse(message):
        if message.get("body"):
            raise ConnectionResetError

    request.sending = refuse
    with pytest.raises(ConnectionResetError):
        await AsgiNet(request.app)(request.scope, request.receive, request.send)
    request.app.body_file.close()
    assert seen == [True]
    assert [(s.outcome, s.report.cancelled_by) for s in backend.closed] == [("cancelled", "client")]


def test_05_a_clean_up_by_the_collector_sees_no_other_request(answer, backend):
    """The net `__del__`, in the stream's own Context."""
    seen = []

    def body():
        try:
            yield b"a"
        finally:
            seen.append((leaky.get(), current_stream().info.name))

    def make():
        leaky.set("mine")
        return StreamingHttpResponse(body())

    answer(make)
    request = copy_context().run(Wsgi)
    next(iter(request.body))

    def collect():
        nonlocal request
        leaky.set("another request's")
        request = None

    with pytest.warns(ResourceWarning):
        copy_context().run(collect)
    assert seen == [("mine", "GET sync/")]
    assert outcomes(backend) == ["abandoned"]


def test_06_values_survive_the_hop_between_threads_and_nothing_is_reset_by_token(answer, backend):
    body = Body(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    request = Wsgi()
    thread = threading.Thread(target=request.read)
    thread.start()
    thread.join()
    assert body.seen == [("GET sync/", "by the view")] * 3


def test_07_what_a_step_leaves_set_does_not_reach_the_next_request(answer, backend):
    def body():
        leaky.set("by the body")
        yield b"a"

    answer(lambda: StreamingHttpResponse(body()))
    Wsgi().read()
    assert leaky.get() == "clean"


def test_08_exhausted_is_completed_though_the_client_may_have_left(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    list(Wsgi().body)  # and the server tells nobody what became of it
    assert outcomes(backend) == ["completed"]


async def test_09_an_await_that_is_cancelled_after_the_last_chunk_changes_no_outcome(
    answer, backend
):
    async def body():
        yield b"a"

    answer(lambda: StreamingHttpResponse(body()))
    request = Asgi()

    async def block():
        request.left.set()
        await asyncio.Event().wait()

    def last(message):
        return message["type"] == "http.response.body" and not message.get("more_body")

    request.sending = lambda message: block() if last(message) else None
    await request.run()
    assert outcomes(backend) == ["completed"]


@pytest.mark.parametrize("make", [lambda: (chunk for chunk in (b"a", b"b")), lambda: Body(b"a")])
def test_10_a_generator_and_an_object_that_are_closed_early_end_alike(answer, backend, make):
    answer(lambda: StreamingHttpResponse(make()))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert outcomes(backend) == ["cancelled"]
    assert backend.closed[0].report.cancelled_by is None


@pytest.mark.parametrize("closed", [True, False])
def test_11_without_any_step_nothing_is_started(answer, backend, closed):
    answer(lambda: StreamingHttpResponse(Body(b"a")))
    request = Wsgi()
    if closed:
        request.close()
    del request
    assert [stream.events for stream in backend.streams] == [["open"]]


def test_12_a_close_inside_a_close_does_nothing(answer, backend):
    body = Body(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    request = Wsgi()
    next(iter(request.body))
    request.body._resource_closers.append(request.close)
    request.close()
    assert len(body.closed) == len(backend.closed) == 1


def test_13_the_inner_body_is_closed_once(answer, backend):
    body = Body(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert body.closed == [("GET sync/", "by the view")]


def test_14_each_reading_of_streaming_content_goes_on_with_the_same_stream(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a", b"b"]))
    request = Wsgi()
    assert next(iter(request.body.streaming_content)) == b"a"
    assert list(request.body.streaming_content) == [b"b"]
    assert outcomes(backend) == ["completed"]


def test_15_a_generator_that_a_bodys_iter_has_made_is_closed(answer, backend):
    seen = []

    class Rows:
        def __iter__(self):
            try:
                yield b"a"
            finally:
                seen.append(current_stream().info.name)

    answer(lambda: StreamingHttpResponse(Rows()))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert seen == ["GET sync/"]


async def test_16_a_type_error_of_an_async_body_is_reported_as_itself(answer, backend):
    """Django takes it for a body that is not async, and raises another."""
    error = TypeError("the body's own")
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a", error=error)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError):
            await Asgi().run()
    assert backend.closed[0].report.error is error


def test_17_an_exception_of_a_closer_leaves_no_scope_open(answer, backend, finished):
    class Failing(Body):
        def close(self):
            super().close()
            raise ValueError

    answer(lambda: StreamingHttpResponse(Failing(b"a", b"b")))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert outcomes(backend) == ["cancelled"]
    assert len(finished) == 1


def test_18_a_worker_that_is_told_to_exit_inside_a_step_ends_its_stream(answer, backend):
    answer(lambda: StreamingHttpResponse(Body(b"a", error=SystemExit(1))))
    with pytest.raises(SystemExit):
        Wsgi().read()
    assert [(s.outcome, s.report.cancelled_by) for s in backend.closed] == [("cancelled", "server")]


def test_19_an_exception_is_never_turned_into_another(answer, backend):
    error = asyncio.CancelledError("by the producer")
    answer(lambda: StreamingHttpResponse(Body(b"a", error=error)))
    with pytest.raises(asyncio.CancelledError) as raised:
        Wsgi().read()
    assert raised.value is error
    assert outcomes(backend) == ["cancelled"]


def test_20_a_blocked_producer_ends_its_stream_when_it_next_gives_something(answer, backend):
    blocked, go_on = threading.Event(), threading.Event()

    def body():
        yield b"a"
        blocked.set()
        go_on.wait(5)
        yield b"b"

    answer(lambda: StreamingHttpResponse(body()))
    request = Wsgi()
    steps = iter(request.body)
    next(steps)
    thread = threading.Thread(target=next, args=(steps,))
    thread.start()
    blocked.wait(5)
    request.close()
    assert outcomes(backend) == []
    go_on.set()
    thread.join()
    assert outcomes(backend) == ["cancelled"]


def test_21_the_clients_time_is_not_the_producers(answer, backend, monkeypatch):
    now = [100.0]
    for module in ("_core.ends", "_core.step", "_core.life", "_core.report"):
        monkeypatch.setattr(f"streaminstr.{module}.clock", lambda: now[0])
    answer(lambda: StreamingHttpResponse([b"a", b"b"]))
    for _ in Wsgi().body:
        now[0] += 10.0
    assert backend.closed[0].report.producer_time == 0.0
    assert backend.closed[0].report.consumer_time == 20.0


def test_22_the_stepping_thread_may_be_a_third_one(answer, backend):
    body = AsyncBody(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    with pytest.warns(Warning, match="asynchronous iterators"):
        assert Wsgi("/async/").read() == b"ab"
    assert body.seen == [("GET async/", "by the view")] * 3


def test_23_a_file_that_the_server_sends_by_itself_is_never_stepped(answer, backend, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    answer(lambda: FileResponse(path.open("rb")))
    request = Wsgi(**{"wsgi.file_wrapper": lambda file, size: file})
    assert os.read(request.body.fileno(), 10) == b"12345"  # as sendfile does, by the descriptor
    request.close()
    assert [(s.outcome, s.report.chunks, s.report.bytes) for s in backend.closed] == [
        ("completed", 0, 5)
    ]


def test_24_a_head_whose_body_is_drained_is_a_stream_as_any(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    Wsgi(REQUEST_METHOD="HEAD").read()
    assert [(s.name, s.outcome) for s in backend.closed] == [("HEAD sync/", "completed")]


async def test_25_a_body_of_the_other_mode_is_read_to_its_end_unseen(answer, backend):
    body = Body(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    request = Asgi()
    request.sending = lambda message: request.left.set() if message.get("body") else None
    with pytest.warns(Warning, match="synchronous iterators"):
        await request.run()
    await sync_to_async(lambda: None)()
    assert outcomes(backend) == ["completed"]
