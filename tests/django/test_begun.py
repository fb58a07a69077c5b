"""A view takes the first chunk itself, to answer an early error with a 4xx: as in plain Django.

`it = gen(); first = next(it); StreamingHttpResponse(chain([first], it))`, where `gen` holds
something across its yields that belongs to the Context in which it was entered.
"""

import asyncio
import contextlib
import gc
import itertools
import logging
import sys
from contextvars import ContextVar, copy_context

import pytest
import structlog
from ddtrace.trace import tracer
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from django_site import Answer
from streaminstr import _wrap, current_stream
from wire_memory_datadog import Datadog

variable = ContextVar("variable", default="unset")
tracing = TracerProvider(shutdown_on_exit=False).get_tracer("test")


@contextlib.contextmanager
def token():
    """A ContextVar's token, as flags, tenants and request ids are kept."""
    reset = variable.set("inside")
    try:
        yield
    finally:
        variable.reset(reset)


HELD = {
    "token": token,
    "structlog": lambda: structlog.contextvars.bound_contextvars(job="j1"),
    "opentelemetry": lambda: tracing.start_as_current_span("llm"),
    "ddtrace": lambda: tracer.trace("llm"),
}


class Notes:
    """What one run has seen: to be the same with and without us."""

    def __init__(self):
        self.seen = []
        self.streams = []
        """Whether a stream was current: only with us is there one that could be."""

    def look(self, when):
        span = trace.get_current_span()
        named = getattr(span, "name", None)
        active = tracer.current_span()
        self.seen.append(
            (
                when,
                variable.get(),
                structlog.contextvars.get_contextvars().get("job"),
                named,
                active and active.name,
            )
        )
        self.streams.append(bool(current_stream()))


def gen(held, notes):
    try:
        with HELD[held]():
            for chunk in ("a", "b", "c"):
                notes.look(chunk)
                yield chunk
    finally:
        notes.look("cleaned up")


async def agen(held, notes, ending):
    """With `left` it waits until it is cancelled, once the client has had something."""
    try:
        with HELD[held]():
            for chunk in ("a", "b", "c"):
                notes.look(chunk)
                if ending == "left" and chunk == "c":
                    await asyncio.Event().wait()
                await asyncio.sleep(0)
                yield chunk
    finally:
        notes.look("cleaned up")


def rest(first, it):
    yield first
    yield from it


async def arest(first, it):
    yield first
    async for chunk in it:
        yield chunk


def closure(first, it):
    def body():
        yield first
        for chunk in it:
            yield chunk.upper()

    return body()


def aclosure(first, it):
    async def body():
        yield first
        async for chunk in it:
            yield chunk.upper()

    return body()


SHAPES = {
    "itself": lambda first, it: it,
    "chain": lambda first, it: itertools.chain([first], it),
    "map": lambda first, it: map(str.upper, itertools.chain([first], it)),
    "islice": lambda first, it: itertools.islice(itertools.chain([first], it), 3),
    "expression": lambda first, it: (chunk for chunk in itertools.chain([first], it)),
    "function": rest,
    "closure": closure,
}
ASYNC_SHAPES = {
    "itself": lambda first, it: it,
    "expression": lambda first, it: (chunk async for chunk in it),
    "function": arest,
    "closure": aclosure,
}


class Seen(logging.Handler):
    """What was logged, by others than us."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        if record.name != "streaminstr":
            error = record.exc_info[1] if record.exc_info else None
            self.lines.append((record.name, record.levelname, type(error).__name__))


@contextlib.contextmanager
def logged():
    handler, root = Seen(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)


@contextlib.contextmanager
def site(make, *, ours):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Answer, "make", staticmethod(make))
        with override_settings(MIDDLEWARE=[MIDDLEWARE] if ours else []):
            yield


def wsgi(make, ending, notes, *, ours, path="/sync/"):
    """Bytes and the error of a request under WSGI, in a Context of its own."""

    def run():
        request = Wsgi(path)
        chunks, error = [], None
        try:
            for chunk in request.body:
                chunks.append(chunk)
                if ending == "left":
                    break
        except Exception as raised:  # noqa: BLE001 - it is compared
            error = type(raised)
        finally:
            request.close()
        del request  # plain Django closes no chain: its generator is closed as it is dropped
        notes.look("after")
        return b"".join(chunks), error

    with site(make, ours=ours), logged() as lines:
        result = copy_context().run(run)
    return (*result, notes.seen, lines)


def asgi(make, ending, notes, *, ours, path="/async/"):
    async def run():
        request = Asgi(path)
        error = None

        async def block():
            request.left.set()
            await asyncio.Event().wait()

        if ending == "left in send":
            request.sending = lambda message: block() if message.get("body") else None
        elif ending == "left":
            request.sending = lambda message: request.left.set() if message.get("body") else None
        try:
            await request.run()
        except Exception as raised:  # noqa: BLE001 - it is compared
            error = type(raised)
        if ending == "left in send":  # an async generator is left to the collector, and to its loop
            gc.collect()
            for _ in range(20):
                await asyncio.sleep(0.001)
        notes.look("after")
        return request.body, error

    with site(make, ours=ours), logged() as lines, unraisable(lines):
        result = asyncio.run(run())
    return (*result, notes.seen, lines)


@contextlib.contextmanager
def unraisable(lines):
    before, sys.unraisablehook = sys.unraisablehook, lambda raised: lines.append(raised.exc_type)
    try:
        yield
    finally:
        sys.unraisablehook = before


def primed_view(held, shape, notes):
    def view(request):
        it = gen(held, notes)
        first = next(it)
        return StreamingHttpResponse(SHAPES[shape](first, it))

    return view


ENDINGS = pytest.mark.parametrize("ending", ["read", "left"])


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """What was said before is said again, and nothing leaves for an agent of Datadog's."""
    monkeypatch.setattr(_wrap, "_begun_names", set(), raising=False)
    vendor = Datadog()
    yield
    vendor.restore()


@ENDINGS
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("shape", SHAPES)
def test_under_wsgi_it_is_as_in_plain(held, shape, ending, backend):
    results, notes = [], []
    for ours in (False, True):
        notes.append(Notes())
        results.append(wsgi(primed_view(held, shape, notes[-1]), ending, notes[-1], ours=ours))
    plain, with_us = results
    assert with_us == plain
    assert (plain[0].lower().strip(b"abc"), plain[1]) == (b"", None)
    assert not any(notes[1].streams)
    assert [one.outcome for one in backend.closed] == [
        "completed" if ending == "read" else "cancelled"
    ]


def primed_async_view(held, shape, notes, ending):
    async def prime(request):
        it = agen(held, notes, ending)
        first = await anext(it)
        return StreamingHttpResponse(ASYNC_SHAPES[shape](first, it))

    return prime


def with_and_without(ending, held, shape):
    results, notes = [], []
    for ours in (False, True):
        notes.append(Notes())
        view = primed_async_view(held, shape, notes[-1], ending)
        results.append(asgi(view, ending, notes[-1], ours=ours))
    assert results[0][0].lower().strip(b"abc") == b""
    assert results[0][0]
    return *results, notes[1]


@ENDINGS
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("shape", ASYNC_SHAPES)
def test_under_asgi_it_is_as_in_plain(held, shape, ending, backend):
    plain, with_us, notes = with_and_without(ending, held, shape)
    assert with_us == plain
    assert not any(notes.streams)
    assert [one.outcome for one in backend.closed] == [
        "completed" if ending == "read" else "cancelled"
    ]


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("shape", ASYNC_SHAPES)
def test_left_while_django_sends_it_is_cleaned_up_once(held, shape, backend):
    """In a Context that is not its own, as in plain: Django leaves it to the collector."""
    plain, with_us, _ = with_and_without("left in send", held, shape)
    assert with_us[:2] == plain[:2]
    assert [note[0] for note in with_us[2]].count("cleaned up") == 1
    assert [one.outcome for one in backend.closed] == ["cancelled"]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("protocol", [wsgi, asgi])
def test_a_body_of_the_other_kind_is_as_in_plain(held, protocol, backend):
    """Django reads it in another thread or loop, where a token is refused without us, too."""
    results = []
    for ours in (False, True):
        notes = Notes()
        if protocol is wsgi:
            view, path = primed_async_view(held, "function", notes, "read"), "/async/"
        else:
            view, path = primed_view(held, "chain", notes), "/sync/"
        results.append(protocol(view, "read", notes, ours=ours, path=path))
    assert results[1] == results[0]
    assert b"Error" not in results[0][0]


def test_it_is_said_once_that_it_is_not_isolated(caplog, backend):
    with caplog.at_level(logging.INFO, "streaminstr"):
        for _ in range(2):
            notes = Notes()
            wsgi(primed_view("token", "chain", notes), "read", notes, ours=True)
    (record,) = caplog.records
    assert (record.levelname, record.args) == ("INFO", ("GET sync/",))
    assert "prime()" in record.getMessage()


@pytest.mark.parametrize(("names", "status", "body"), [("x", "502", b"early"), ("a", "200", b"1")])
def test_an_early_error_is_answered_as_the_view_says(names, status, body, backend):
    def view(request):
        it = ({"a": "1"}[name] for name in names)
        try:
            first = next(it)
        except KeyError:
            return HttpResponse(b"early", status=502)
        return StreamingHttpResponse(itertools.chain([first], it))

    with site(view, ours=True):
        request = Wsgi()
        assert (request.status[:3], request.read()) == (status, body)
    assert [one.outcome for one in backend.streams] == ["completed"] * (status == "200")


@pytest.mark.parametrize("held", HELD)
def test_a_late_error_is_as_in_plain(held, backend):
    def view(request):
        it = failing(held)
        first = next(it)
        return StreamingHttpResponse(itertools.chain([first], it))

    results = []
    for ours in (False, True):
        notes = Notes()
        results.append(wsgi(view, "read", notes, ours=ours))
    assert results[1] == results[0]
    assert results[0][:2] == (b"a", LookupError)
    assert [one.outcome for one in backend.closed] == ["failed"]


def failing(held):
    with HELD[held]():
        yield "a"
        raise LookupError
