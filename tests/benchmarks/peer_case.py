"""One peer, in an environment of its own: `peer_case.py NAME ROUNDS` prints its costs as JSON.

Each figure is taken in turn with the bare one, in the same process.
"""

# ruff: noqa: PLC0415 - a peer is there only in its own environment

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from bodies import NO_LOGS, async_chunks, chunks
from figures import say
from rounds import drain, drained, least

import django_site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

STEPS = django_site.STEPS


def same(thing: Any) -> Any:
    return thing


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Where a peer is put in: round the function that makes the body, or round the application."""

    wrap: Callable[[Any], Any] = same
    wrap_async: Callable[[Any], Any] = same
    wsgi: Callable[[Any], Any] = same
    asgi: Callable[[Any], Any] = same
    bare_asgi: Any = None
    """An application in the place of Django's, which `asgi` then takes."""
    kinds: tuple[str, ...] = ("WSGI", "ASGI")


def opentelemetry_tracer() -> Any:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    return trace.get_tracer("benchmark")


def ddtrace_tracer() -> Any:
    from ddtrace.trace import TraceFilter, tracer

    class Dropped(TraceFilter):
        def process_trace(self, trace: Any) -> None:
            return None

    tracer.configure(trace_processors=[Dropped()])
    return tracer


def streaminstr_with(backend: str) -> Peer:
    import streaminstr

    (opentelemetry_tracer if backend == "opentelemetry" else ddtrace_tracer)()
    streaminstr.configure(backend=backend, log_levels=NO_LOGS)
    decorate = streaminstr.streamed("benchmark")
    return Peer(wrap=decorate, wrap_async=decorate)


def by_hand_with(start: Callable[[], Any], end: Callable[[Any], None]) -> Peer:
    """The seed's answer: a span that is closed in `finally`."""

    def wrap(make: Any) -> Any:
        @wraps(make)
        def body(steps: int) -> Iterator[object]:
            span = start()
            try:
                yield from make(steps)
            finally:
                end(span)

        return body

    def wrap_async(make: Any) -> Any:
        @wraps(make)
        async def body(steps: int) -> AsyncIterator[object]:
            span = start()
            try:
                async for chunk in make(steps):
                    yield chunk
            finally:
                end(span)

        return body

    return Peer(wrap=wrap, wrap_async=wrap_async)


def opentelemetry_by_hand() -> Peer:
    tracer = opentelemetry_tracer()
    return by_hand_with(lambda: tracer.start_span("benchmark"), lambda span: span.end())


def ddtrace_by_hand() -> Peer:
    tracer = ddtrace_tracer()
    return by_hand_with(lambda: tracer.trace("benchmark"), lambda span: span.finish())


def ddtrace_wrap() -> Peer:
    decorate = ddtrace_tracer().wrap("benchmark")
    return Peer(wrap=decorate, wrap_async=decorate)


def ddtrace_middleware() -> Peer:
    ddtrace_tracer()
    from ddtrace.contrib.asgi import TraceMiddleware
    from ddtrace.contrib.wsgi import DDWSGIMiddleware

    return Peer(wsgi=DDWSGIMiddleware, asgi=TraceMiddleware)


def opentelemetry_middleware(*excluded: str) -> Peer:
    opentelemetry_tracer()
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as ForAsgi
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as ForWsgi

    return Peer(wsgi=ForWsgi, asgi=lambda app: ForAsgi(app, exclude_spans=list(excluded)))


def logfire_instrument() -> Peer:
    import logfire

    logfire.configure(send_to_logfire=False, console=False)
    decorate = logfire.instrument("benchmark", allow_generator=True)
    return Peer(wrap=decorate, wrap_async=decorate)


def langfuse_observe() -> Peer:
    from langfuse import Langfuse, observe

    Langfuse(public_key="pk", secret_key="sk", host="http://127.0.0.1:1")  # noqa: S106
    return Peer(wrap=observe(), wrap_async=observe())


def sentry_middleware() -> Peer:
    import sentry_sdk
    from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
    from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
    from sentry_sdk.transport import Transport

    class Dropped(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            pass

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=Dropped,
        traces_sample_rate=1.0,
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    return Peer(wsgi=SentryWsgiMiddleware, asgi=SentryAsgiMiddleware)


def fastapi_telemetry() -> Peer:
    opentelemetry_tracer()
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    def shop(telemetry: dict[str, bool]) -> Any:
        app = FastAPI(telemetry=telemetry)

        @app.get("/async")
        async def view() -> StreamingResponse:
            return StreamingResponse(django_site.make_async_chunks(STEPS))

        return app

    bare = shop({"tracing": False, "metrics": False, "logs": False})
    traced = shop({"tracing": True, "metrics": False, "logs": False})
    return Peer(bare_asgi=bare, asgi=lambda _: traced, kinds=("ASGI",))


def util_genai() -> Peer:
    from opentelemetry.util.genai.handler import TelemetryHandler
    from opentelemetry.util.genai.stream import AsyncStreamWrapper, SyncStreamWrapper

    opentelemetry_tracer()
    handler = TelemetryHandler()

    class Hooks:
        """As an instrumentation of a provider has them, with nothing to find in a chunk."""

        def _process_chunk(self, chunk: object) -> None:
            pass

        def _on_stream_end(self) -> None:
            self._self_invocation.stop()  # type: ignore[attr-defined]

        def _on_stream_error(self, error: BaseException) -> None:
            self._self_invocation.fail(error)  # type: ignore[attr-defined]

    def wrapped(kind: Any) -> Callable[[Any], Any]:
        wrapper = type("Wrapper", (Hooks, kind), {})

        def wrap(make: Any) -> Any:
            def body(steps: int) -> Any:
                invocation = handler.inference("benchmark", request_model="none")
                invocation.suspend()
                return wrapper(make(steps), invocation)

            return body

        return wrap

    return Peer(wrap=wrapped(SyncStreamWrapper), wrap_async=wrapped(AsyncStreamWrapper))


PEERS: dict[str, Callable[[], Peer]] = {
    "streaminstr, compiled": lambda: streaminstr_with("opentelemetry"),
    "streaminstr, plain": lambda: streaminstr_with("opentelemetry"),
    "try/finally span, OpenTelemetry": opentelemetry_by_hand,
    "try/finally span, ddtrace": ddtrace_by_hand,
    "ddtrace `tracer.wrap`": ddtrace_wrap,
    "ddtrace middleware": ddtrace_middleware,
    "OpenTelemetry middleware, a span per send": opentelemetry_middleware,
    "OpenTelemetry middleware, no span per send": lambda: opentelemetry_middleware(
        "send", "receive"
    ),
    "logfire `instrument`": logfire_instrument,
    "langfuse `observe`": langfuse_observe,
    "sentry middleware": sentry_middleware,
    "FastAPI's own telemetry": fastapi_telemetry,
    "OpenTelemetry util-genai": util_genai,
}


def cases_of(peer: Peer) -> dict[str, Callable[[], float]]:
    made = peer.wrap(chunks), peer.wrap_async(async_chunks)
    wsgi, asgi = (django_site.handler(kind, []) for kind in ("WSGI", "ASGI"))
    asgi = peer.bare_asgi or asgi
    their_wsgi, their_asgi = peer.wsgi(wsgi), peer.asgi(asgi)

    def drive(kind: str, app: Any, bodies: tuple[Any, Any]) -> float:
        django_site.make_chunks, django_site.make_async_chunks = bodies
        if kind == "WSGI":
            return django_site.drive_wsgi(app)
        return asyncio.run(django_site.drive_asgi(app))

    bare = chunks, async_chunks
    cases = {
        "bare WSGI": lambda: drive("WSGI", wsgi, bare),
        "WSGI": lambda: drive("WSGI", their_wsgi, made),
        "bare ASGI": lambda: drive("ASGI", asgi, bare),
        "ASGI": lambda: drive("ASGI", their_asgi, made),
    }
    cases = {name: case for name, case in cases.items() if name.split()[-1] in peer.kinds}
    if peer.wrap is not same:
        cases |= {
            "bare generator": lambda: drain(chunks(STEPS), STEPS),
            "generator": lambda: drain(made[0](STEPS), STEPS),
            "bare async generator": lambda: asyncio.run(drained(async_chunks(STEPS), STEPS)),
            "async generator": lambda: asyncio.run(drained(made[1](STEPS), STEPS)),
        }
    return cases


if __name__ == "__main__":
    name, rounds = sys.argv[1:]
    django_site.set_up()
    say(json.dumps(least(cases_of(PEERS[name]()), int(rounds))))
