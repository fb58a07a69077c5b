"""Of the core and the backends: a step, a scope, memory, snapshots, what passes by."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextvars import copy_context
from itertools import repeat
from time import thread_time_ns as now
from types import coroutine
from typing import TYPE_CHECKING, Any

import django
import structlog
from bodies import NO_LOGS, Silent, async_chunks, chunks, pass_through
from ddtrace.trace import tracer
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from figures import Figure, arguments, compared, show, shown
from rounds import by_hand, drain, drained, least, repeated
from vendors import BACKENDS, counting_provider, dropped, provider

import streaminstr
from streaminstr.testing import RecordingBackend
from streaminstr_ddtrace import DatadogBackend
from streaminstr_opentelemetry import OpenTelemetryBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

STEPS = 10_000
SUSPENDED_STEPS = 2_000
SCOPES = 500
OPEN_STREAMS = 10_000
SNAPSHOT = 5_000
NAME = "orders.export"
ATTRIBUTES = {
    "http.request.method": "GET",
    "http.route": "orders/export/",
    "http.response.status_code": 200,
    "url.path": "/orders/export/",
    "streaminstr.content_type": "text/csv",
}


# One step


def bare_step() -> float:
    run, body = copy_context().run, chunks(STEPS)
    run(next, body)
    began = now()
    for _ in repeat(None, STEPS - 1):
        run(next, body)
    return (now() - began) / (STEPS - 1)


def our_step() -> float:
    return drain(streaminstr.stream(chunks(STEPS)), STEPS)


@coroutine
def suspension() -> Iterator[None]:
    yield


async def suspending(steps: int) -> AsyncIterator[bytes]:
    for _ in repeat(None, steps):
        await suspension()
        yield b"x" * 64


def async_step(wrapper: Any, body: Any, steps: int, runner: Any) -> Callable[[], float]:
    return lambda: runner(drained(wrapper(body(steps)), steps))


def steps(rounds: int) -> Iterator[Figure]:
    streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
    kinds: dict[str, tuple[Any, int, Any, str]] = {
        "async step, no suspension": (async_chunks, STEPS, by_hand, "3 / 1.1"),
        "async step, one suspension, no event loop": (suspending, STEPS, by_hand, ""),
        "async step, one suspension, asyncio": (
            *(suspending, SUSPENDED_STEPS, asyncio.run),
            "1.45 / 1.07",
        ),
    }
    cases = {"bare": bare_step, "sync step": our_step}
    for what, (body, count, runner, _) in kinds.items():
        cases["bare " + what] = async_step(pass_through, body, count, runner)
        cases[what] = async_step(streaminstr.stream, body, count, runner)
    best = least(cases, rounds)
    yield compared(
        "sync step", best["sync step"], best["bare"], "context.run(next)", budget="8 / 1.5"
    )
    for what, (*_, budget) in kinds.items():
        yield compared(
            what, best[what], best["bare " + what], "pass-through `async for`", budget=budget
        )


# One scope


def closing_attributes() -> dict[str, Any]:
    """What a real report adds, so that the vendor's own span carries the same."""
    backend = RecordingBackend()
    streaminstr.configure(backend=backend, log_levels=NO_LOGS)
    list(streaminstr.stream(chunks(1)))
    return backend.closed[0].report.as_attributes()


def opentelemetry_span(added: dict[str, Any]) -> Callable[[], None]:
    ours = provider.get_tracer("streaminstr")

    def span() -> None:
        started = ours.start_span(NAME, attributes=ATTRIBUTES)
        started.set_attributes(added)
        started.end()

    return span


def ddtrace_span(added: dict[str, Any]) -> Callable[[], None]:
    def put(span: Any, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            if isinstance(value, int | float):
                span.set_metric(name, value)
            else:
                span.set_tag(name, value)

    def span() -> None:
        started = tracer.start_span("streaminstr.stream", resource=NAME, span_type="web")
        put(started, ATTRIBUTES)
        put(started, added)
        started.finish()

    return span


def log_event(added: dict[str, Any]) -> Callable[[], None]:
    def event() -> None:
        structlog.get_logger("streaminstr").bind(stream=NAME).info(
            "stream_closed", **ATTRIBUTES, **added
        )

    return event


def one_scope() -> None:
    for _ in streaminstr.stream(chunks(1), name=NAME, attributes=ATTRIBUTES):
        pass


def scopes(rounds: int) -> Iterator[Figure]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    added = closing_attributes()
    spans = {
        "OpenTelemetry SDK": opentelemetry_span(added),
        "ddtrace": ddtrace_span(added),
        "log": log_event(added),
    }
    cases = {}
    for vendor, span in spans.items():
        cases[f"own {vendor}"] = lambda span=span: repeated(span, SCOPES)
        cases[vendor] = lambda vendor=vendor: _configured_scopes(vendor)
    cases["no vendor"] = lambda: _configured_scopes("no vendor")
    best = least(cases, rounds)
    for vendor in spans:
        ours, own = best[vendor], best[f"own {vendor}"]
        yield compared(f"open and close, {vendor}", ours, own, "its own span or event")
        yield Figure(what=f"what we add to it, {vendor}", found=shown(ours - own), budget="25 us")
    yield Figure(what="open and close, no vendor", found=shown(best["no vendor"]), budget="9 us")


def _configured_scopes(vendor: str) -> float:
    levels = {} if vendor == "log" else {"log_levels": NO_LOGS}
    streaminstr.configure(backend=BACKENDS[vendor], **levels)
    return repeated(one_scope, SCOPES)


# Memory


def memory_of(make: Callable[[], object]) -> float:
    """Bytes that each of many things takes that are open at once, their bodies not counted."""
    gc.collect()
    tracemalloc.start()
    kept = [make() for _ in range(OPEN_STREAMS)]
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for thing in kept:
        for end in ("close", "end", "finish"):
            getattr(thing, end, int)()
    return held / OPEN_STREAMS


def open_stream(body: Callable[[], Any]) -> Callable[[], Any]:
    def make() -> Any:
        stream = streaminstr.stream(body(), name=NAME, attributes=ATTRIBUTES)
        next(stream)
        return stream

    return make


def memory(_: int) -> Iterator[Figure]:
    body = memory_of(lambda: _stepped(chunks(3)))
    otel = provider.get_tracer("streaminstr")
    spans: dict[str, Callable[[], Any]] = {
        "no vendor": int,
        "OpenTelemetry SDK": lambda: otel.start_span(NAME, attributes=ATTRIBUTES),
        "ddtrace": _ddtrace_open_span,
    }
    for vendor, span in spans.items():
        streaminstr.configure(backend=BACKENDS[vendor], log_levels=NO_LOGS)
        own = memory_of(span)
        ours = memory_of(open_stream(lambda: chunks(3))) - body - own
        yield Figure(
            what=f"memory of an open stream, {vendor}",
            found=f"{ours / 1024:.2f} KiB on top of {own / 1024:.2f}",
            against="its own open span",
            budget="2.5 / 2.0 KiB",
        )


def _stepped(body: Any) -> Any:
    next(body)
    return body


def _ddtrace_open_span() -> Any:
    span = tracer.start_span("streaminstr.stream", resource=NAME, span_type="web")
    for name, value in ATTRIBUTES.items():
        span.set_tag(name, str(value))
    return span


# A snapshot of what is open, from another thread


def first_and_second_look(open_ones: list[Any]) -> tuple[float, float]:
    """What two looks cost. The first one has the interpreter make the objects of the frames."""
    times = []
    for _ in range(2):
        began = now()
        found = streaminstr.open_streams()
        times.append(now() - began)
        assert len(found) == len(open_ones)
    return times[0], times[1]


def of_generators() -> tuple[float, float]:
    open_ones = [open_stream(lambda: chunks(3))() for _ in range(SNAPSHOT)]
    found = first_and_second_look(open_ones)
    for stream in open_ones:
        stream.close()
    return found


async def of_waiting_steps() -> tuple[float, float]:
    gate = asyncio.Event()

    async def query() -> None:
        await gate.wait()

    async def body() -> AsyncIterator[bytes]:
        await query()
        yield b"x"

    async def read(stream: Any) -> None:
        async with stream:
            await anext(stream)

    open_ones = [streaminstr.stream(body(), name=NAME) for _ in range(SNAPSHOT)]
    async with asyncio.TaskGroup() as group:
        for stream in open_ones:
            group.create_task(read(stream))
        await asyncio.sleep(0)
        found = first_and_second_look(open_ones)
        gate.set()
    return found


def step_once_seen() -> float:
    """A step of a stream that was looked at, beside `our_step`."""
    stream = streaminstr.stream(chunks(STEPS))
    next(stream)
    streaminstr.open_streams()
    return drain(stream, STEPS - 1)


def snapshots(rounds: int) -> Iterator[Figure]:
    streaminstr.configure(backend=Silent(), log_levels=NO_LOGS)
    for what, look in (
        ("between steps", of_generators),
        ("within an async step", lambda: asyncio.run(of_waiting_steps())),
    ):
        looks = [look() for _ in range(min(rounds, 10))]
        for which, times in zip(("first", "later"), zip(*looks, strict=True), strict=True):
            yield Figure(
                what=f"a snapshot of 5,000 streams {what}, {which} look",
                found=shown(min(times)),
                budget="100 ms",
            )
    best = least({"seen": step_once_seen, "unseen": our_step}, rounds)
    yield compared(
        "a step of a stream that was looked at",
        best["seen"],
        best["unseen"],
        "a step of one that was not",
    )


# What is left alone, and what is not multiplied


def plain_responses(rounds: int) -> Iterator[Figure]:
    settings.configure(STREAMINSTR={"BACKEND": "log"})
    django.setup()
    from streaminstr.django.middleware import StreamScopeMiddleware  # noqa: PLC0415 - after setup

    request, response = HttpRequest(), HttpResponse(b"hello")

    def view(_: HttpRequest) -> HttpResponse:
        return response

    async def async_view(_: HttpRequest) -> HttpResponse:
        return response

    through, async_through = StreamScopeMiddleware(view), StreamScopeMiddleware(async_view)
    best = least(
        {
            "bare": lambda: repeated(lambda: view(request), STEPS),
            "sync": lambda: repeated(lambda: through(request), STEPS),
            "bare async": lambda: by_hand(_awaited(async_view, request)),
            "async": lambda: by_hand(_awaited(async_through, request)),
        },
        rounds,
    )
    for mode, bare in (("sync", "bare"), ("async", "bare async")):
        added = shown(best[mode] - best[bare])
        yield Figure(
            what=f"a response that does not stream, {mode}",
            found=f"{added} more",
            against="the view alone",
            budget="3 us",
        )


async def _awaited(view: Any, request: HttpRequest) -> float:
    began = now()
    for _ in range(STEPS):
        await view(request)
    return (now() - began) / STEPS


def spans_made(_: int) -> Iterator[Figure]:
    counted, exporter = counting_provider()
    before = dropped.spans
    backends = [OpenTelemetryBackend(tracer_provider=counted), DatadogBackend()]
    streaminstr.configure(backend=backends, log_levels=NO_LOGS)
    drain(streaminstr.stream(chunks(STEPS)), STEPS)
    found = f"{len(exporter.get_finished_spans())} and {dropped.spans - before}"
    yield Figure(
        what="spans for 10,000 chunks, OpenTelemetry SDK and ddtrace", found=found, budget="1"
    )


PARTS = (steps, scopes, memory, snapshots, spans_made, plain_responses)

if __name__ == "__main__":
    given = arguments(__doc__, rounds=30)
    show([figure for part in PARTS for figure in part(given.rounds)], given.json)
