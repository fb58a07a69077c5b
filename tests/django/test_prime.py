"""The right way to answer an early error with a 4xx or 5xx: `prime` in a view."""

import asyncio
import logging
from contextlib import contextmanager
from contextvars import ContextVar

import pytest
import structlog
from ddtrace.trace import tracer
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from opentelemetry import trace

import streaminstr
from django_by_hand import Asgi, Wsgi
from django_settings import SILENT
from streaminstr import current_stream
from wire_memory_datadog import Datadog
from wire_memory_otel import OpenTelemetry

variable = ContextVar("variable", default="unset")


@contextmanager
def token():
    reset = variable.set("inside")
    try:
        yield
    finally:
        variable.reset(reset)


HELD = {
    "token": token,
    "structlog": lambda: structlog.contextvars.bound_contextvars(job="j1"),
    "opentelemetry": lambda: trace.get_tracer("test").start_as_current_span("llm"),
    "ddtrace": lambda: tracer.trace("llm"),
}


def gen(chunks, held, error=None, seen=None):
    with HELD[held]():
        for chunk in chunks:
            (seen if seen is not None else []).append(current_stream().info.name)
            yield chunk
        if error:
            raise error


async def agen(chunks, held, error=None, seen=None):
    with HELD[held]():
        for chunk in chunks:
            await asyncio.sleep(0)
            (seen if seen is not None else []).append(current_stream().info.name)
            yield chunk
        if error:
            raise error


def primed(*arguments):
    """A view as the how-to guide writes it."""

    def view(request):
        stream = streaminstr.stream(gen(*arguments), name="answers")
        try:
            stream.prime()
        except LookupError:
            return HttpResponse(b"early", status=502)
        return StreamingHttpResponse(stream)

    return view


def aprimed(*arguments):
    async def view(request):
        stream = streaminstr.stream(agen(*arguments), name="answers")
        try:
            await stream.aprime()
        except LookupError:
            return HttpResponse(b"early", status=502)
        return StreamingHttpResponse(stream)

    return view


def only(backend):
    (stream,) = backend.streams
    return stream


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Nothing is logged: no token was refused, no context was detached in the wrong place."""
    vendor = Datadog()
    with caplog.at_level(logging.INFO):
        yield
    vendor.restore()
    assert [record for record in caplog.records if record.name != "django.request"] == []


@pytest.mark.parametrize("held", HELD)
def test_under_wsgi_all_of_it_is_sent_and_there_is_one_scope(held, answer, backend):
    seen = []
    answer(primed("abc", held, None, seen))
    assert Wsgi().read() == b"abc"
    assert seen == ["answers"] * 3
    stream = only(backend)
    assert (stream.name, stream.outcome, stream.report.chunks) == ("answers", "completed", 3)
    assert stream.report.as_attributes()["http.route"] == "sync/"


@pytest.mark.parametrize("held", HELD)
async def test_under_asgi_too(held, answer, backend):
    seen = []
    answer(aprimed("abc", held, None, seen))
    assert (await Asgi().run()).body == b"abc"
    assert seen == ["answers"] * 3
    stream = only(backend)
    assert (stream.name, stream.outcome, stream.report.chunks) == ("answers", "completed", 3)
    assert stream.report.as_attributes()["http.route"] == "async/"


@pytest.mark.parametrize("held", HELD)
async def test_an_early_error_is_the_views_and_the_scope_has_failed(held, answer, backend):
    answer(primed("", held, LookupError("early")))
    request = Wsgi()
    assert (request.status[:3], request.read()) == ("502", b"early")
    answer(aprimed("", held, LookupError("early")))
    request = await Asgi().run()
    assert (request.sent[0]["status"], request.body) == (502, b"early")
    assert [stream.outcome for stream in backend.closed] == ["failed"] * 2
    assert {stream.report.error_type for stream in backend.closed} == {"LookupError"}


async def test_a_later_error_comes_after_the_first_chunk(answer, backend):
    answer(primed("a", "token", LookupError("late")))
    request = Wsgi()
    assert (request.status[:3], next(iter(request.body))) == ("200", b"a")
    with pytest.raises(LookupError, match="late"):
        next(iter(request.body))
    request.close()
    answer(aprimed("a", "token", LookupError("late")))
    with pytest.raises(LookupError, match="late"):
        await Asgi().run()
    assert [stream.outcome for stream in backend.closed] == ["failed"] * 2


async def test_an_empty_body_is_completed(answer, backend):
    answer(primed("", "token"))
    assert Wsgi().read() == b""
    answer(aprimed("", "token"))
    assert (await Asgi().run()).body == b""
    assert [(one.outcome, one.report.chunks) for one in backend.closed] == [("completed", 0)] * 2


@pytest.mark.parametrize("held", HELD)
def test_left_before_the_first_chunk_it_is_cancelled(held, answer, backend):
    answer(primed("abc", held))
    Wsgi().close()
    assert (only(backend).outcome, only(backend).report.chunks) == ("cancelled", 0)


@pytest.mark.parametrize("held", HELD)
def test_left_midway_it_is_cancelled(held, answer, backend):
    answer(primed("abc", held))
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert (only(backend).outcome, only(backend).report.chunks) == ("cancelled", 1)


async def test_left_while_it_waits_it_is_cancelled_under_asgi(answer, backend):
    cleaned = []

    async def body():
        with token():
            try:
                yield b"a"
                await asyncio.Event().wait()
            finally:
                cleaned.append(current_stream().info.name)

    async def view(request):
        return StreamingHttpResponse(await streaminstr.stream(body(), name="answers").aprime())

    answer(view)
    request = Asgi()
    request.sending = lambda message: request.left.set() if message.get("body") else None
    await request.run()
    assert cleaned == ["answers"]
    assert only(backend).outcome == "cancelled"


async def test_a_second_call_does_nothing(answer, backend):
    seen = []

    async def view(request):
        stream = streaminstr.stream(agen("ab", "token", None, seen), name="answers")
        return StreamingHttpResponse(await (await stream.aprime()).aprime())

    answer(view)
    assert (await Asgi().run()).body == b"ab"
    assert len(seen) == 2


@pytest.fixture
def vendors():
    both = OpenTelemetry(), Datadog()
    wanted = {"BACKEND": [vendor.backend for vendor in both], "LOG_LEVELS": SILENT}
    with override_settings(STREAMINSTR=wanted):
        yield both
    both[1].restore()


async def test_its_span_is_current_in_the_primed_part_and_not_in_the_view(vendors, answer):
    seen = []

    def current():
        return tuple(vendor.current() for vendor in vendors)

    def body():
        seen.append(current())
        yield b"a"
        seen.append(current())
        yield b"b"

    def view(request):
        stream = streaminstr.stream(body(), name="answers").prime()
        seen.append(current())
        return StreamingHttpResponse(stream)

    answer(view)
    Wsgi().read()
    ids = tuple(vendor.node("answers").span_id for vendor in vendors)
    assert seen == [ids, (None, None), ids]
    assert [len(vendor.nodes) for vendor in vendors] == [1, 1]
    (_, points) = vendors[0].points["streaminstr.active_streams"]
    assert [point.value for point in points] == [0]


BUFFERED = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


async def letters():
    for chunk in "abc":
        yield chunk


async def rest(first, made):
    yield first
    async for chunk in made:
        yield chunk


async def primed_by_hand(request):
    made = letters()
    first = await anext(made)
    return StreamingHttpResponse(rest(first, made))


async def primed_by_us(request):
    return StreamingHttpResponse(await streaminstr.stream(letters()).aprime())


@BUFFERED
@pytest.mark.parametrize("view", [primed_by_hand, primed_by_us])
def test_an_async_generator_is_cut_after_it_under_wsgi_as_in_plain(view, answer, backend):
    """Django runs the view in a loop of its own, and as that ends it closes its generators."""
    answer(view)
    assert asyncio.run(Asgi().run()).body == b"abc"
    ours = Wsgi("/async/").read()
    answer(primed_by_hand)
    with override_settings(MIDDLEWARE=[]):
        assert ours == Wsgi("/async/").read() == b"a"


@BUFFERED
@pytest.mark.parametrize("held", HELD)
async def test_a_sync_body_under_asgi_is_stepped_on_in_another_thread(held, answer, backend):
    answer(primed("abc", held))
    assert (await Asgi("/sync/").run()).body == b"abc"
    assert only(backend).outcome == "completed"
