"""One file for both vendors: `python scenario.py VENDOR STORY`, run by the tests beside it.

VENDOR is `ddtrace`, `grpc` or `http` (OpenTelemetry, by either way of OTLP). Where it sends to is
in the environment, under the vendor's own names. All that differs between the vendors is here in
two small classes: how an application makes a span, and how it sends what is finished.
"""

import asyncio
import gc
import os
import sys
import time
import warnings
from contextlib import suppress
from threading import Thread

import streaminstr
from streaminstr import StreamInfo, _configure
from streaminstr._handle import Handle
from streaminstr._wrap import settle, wrap

HTTP = {
    "http.request.method": "GET",
    "http.route": "orders/<int:pk>/",
    "http.response.status_code": 200,
    "url.path": "/orders/7/",
}


class OutOfStockError(Exception):
    pass


class Datadog:
    backend = "ddtrace"

    def __init__(self):
        if "DD_METRICS_OTEL_ENABLED" in os.environ:
            import ddtrace.auto  # noqa: F401, PLC0415 - as ddtrace-run does
        from ddtrace.trace import tracer  # noqa: PLC0415 - one vendor in each process

        self.tracer = tracer

    def span(self, name):
        return self.tracer.trace("scenario", resource=name)

    def flush(self):
        flush()


class OpenTelemetry:
    backend = "opentelemetry"

    def __init__(self, protocol):
        # One vendor in each process, and one protocol.
        from importlib import import_module  # noqa: PLC0415

        from opentelemetry import metrics, trace  # noqa: PLC0415
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        package = f"opentelemetry.exporter.otlp.proto.{protocol}"
        spans = import_module(f"{package}.trace_exporter").OTLPSpanExporter()
        numbers = import_module(f"{package}.metric_exporter").OTLPMetricExporter()
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(spans))
        trace.set_tracer_provider(provider)
        reader = PeriodicExportingMetricReader(numbers, export_interval_millis=3_600_000)
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
        self.tracer = trace.get_tracer("scenario")

    def span(self, name):
        return self.tracer.start_as_current_span(name)

    def flush(self):
        flush()


def flush():
    """Not `streaminstr.shutdown`, which would end the streams, too."""
    for backend in _configure.current().backends:
        if hasattr(backend, "flush"):
            backend.flush(10)


def make(body=(b"one", b"two"), *, name, **attributes):
    return streaminstr.stream(body, name=name, attributes={**HTTP, **attributes})


def failing(error):
    yield b"one"
    raise error


def ends(vendor):
    """Each outcome, in a request of its own that has ended before the first step."""
    with vendor.span("request of completed"):
        body = make(name="completed", **{"a.flag": True, "a.count": 3, "a.ratio": 0.5})
    list(body)
    for name, error in (("failed", ValueError("no")), ("out of stock", OutOfStockError("no"))):
        with vendor.span(f"request of {name}"):
            body = make(failing(error), name=name)
        with suppress(type(error)):
            list(body)
    for cancelled_by in ("client", "server", None):
        with vendor.span(f"request of cancelled by {cancelled_by}"):
            body = make(name=f"cancelled by {cancelled_by}")
        next(body)
        body.close(cancelled_by=cancelled_by)
    with vendor.span("request of abandoned"):
        body = make(name="abandoned")
    next(body)
    with warnings.catch_warnings(action="ignore"):
        del body
        gc.collect()
    with vendor.span("request of never started"):
        make(name="never started").close()


def shapes(vendor):
    """Children, nesting, turns, threads, tasks, files sent by the server, no request at all."""

    def parent(name):
        with vendor.span(f"query of {name}"):
            yield b"one"
        yield from streaminstr.stream([b"two"], name=f"inner of {name}")

    with vendor.span("request of nested"):
        list(make(parent("nested"), name="nested"))
    with vendor.span("request of turns"):
        bodies = [make(parent(f"turn {number}"), name=f"turn {number}") for number in (1, 2)]
    for _ in range(2):
        for body in bodies:
            next(body)
    for body in bodies:
        body.close()
    with vendor.span("request of thread"):
        body = make(parent("thread"), name="thread")
    thread = Thread(target=list, args=(body,))
    thread.start()
    thread.join()
    list(make(name="alone"))
    info = StreamInfo(name="file", attributes=HTTP, started_ns=time.time_ns() - 10**9)
    settle(wrap([b""], Handle(info), _configure.current()), 4096)
    asyncio.run(tasks(vendor))


async def tasks(vendor):
    async def rows(name):
        with vendor.span(f"query of {name}"):
            await asyncio.sleep(0)
        yield b"one"
        await asyncio.Event().wait()

    with vendor.span("request of task"):
        body = make(rows("task"), name="task")
    await anext(body)
    step = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    step.cancel()
    with suppress(asyncio.CancelledError):
        await step


def flipped(vendor):
    """Option cancelled_is_error."""
    streaminstr.configure(vendor.backend, cancelled_is_error=True)
    with vendor.span("request"):
        body = make(name="cancelled")
    next(body)
    body.close()


def linked(vendor):
    """Option parent="link", and a request that ends while its stream is open."""
    streaminstr.configure(vendor.backend, parent="link")
    long(vendor)


def long(vendor):
    """A stream that begins before the request's span ends, and goes on after it."""
    with vendor.span("request"):
        body = make(name="long")
        next(body)
    pause(vendor)
    list(body)


def late(vendor):
    """A stream that begins after the request's span has ended."""
    with vendor.span("request"):
        body = make(name="long")
    next(body)
    pause(vendor)
    list(body)


def segments(vendor):
    """A stream that is cut before its second, third and last chunk.

    The last cut is due before the fourth, and waits for the end of a span that the body holds.
    """
    streaminstr.configure(
        vendor.backend, segment_interval=0.5, log_levels=dict.fromkeys(streaminstr.Outcome)
    )

    def rows():
        for number in (1, 2):
            with vendor.span(f"query {number}"):
                pass
            yield b"row"
        with vendor.span("query 3"):
            for _ in range(3):
                yield b"row"
        yield b"row"
        with vendor.span("query 4"):
            pass
        yield b"row"

    with vendor.span("request"):
        body = make(rows(), name="long")
    next(body)
    wait_until_due(body)
    next(body)
    pause(vendor)
    for _ in range(2):
        wait_until_due(body)
        next(body)
    list(body)


def wait_until_due(stream):
    """Wait for the background thread to ask for the next segment."""
    run = stream._life.run
    while stream._life.run is run:
        time.sleep(0.01)


def counted(vendor):
    """A stream before a pause, at which metrics are sent, and another one after it."""
    streaminstr.configure(
        [*{vendor.backend, "opentelemetry"}], log_levels=dict.fromkeys(streaminstr.Outcome)
    )
    list(make(name="counted"))
    pause(vendor)
    list(make(name="counted"))


def pause(vendor):
    """Send what is finished, say so, and go on when told to."""
    vendor.flush()
    print("paused", flush=True)  # noqa: T201
    sys.stdin.readline()


def main(name, story):
    vendor = Datadog() if name == "ddtrace" else OpenTelemetry(name)
    streaminstr.configure(vendor.backend, log_levels=dict.fromkeys(streaminstr.Outcome))
    globals()[story](vendor)
    vendor.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
