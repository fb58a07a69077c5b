"""What each engine costs, for a stream and for an open one: docs/explanation/many-workers.md.

    python tests/benchmarks/many_streams.py

Prints a row for each backend: microseconds for one stream of one chunk, from its making to its end,
beyond those of a stream without a backend; bytes that an open stream holds; bytes that one sends.
Then what the roster of a process with so many open streams costs. One process, no network.
"""

import gc
import sys
import time
import tracemalloc
from contextlib import contextmanager

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest

import streaminstr
from streaminstr import _configure
from streaminstr._process.page import Page, encode
from streaminstr._process.rows import Worker
from streaminstr_opentelemetry import OpenTelemetryBackend
from streaminstr_prometheus import PrometheusBackend

ATTRIBUTES = {
    "http.request.method": "GET",
    "http.route": "orders/<int:pk>/",
    "http.response.status_code": 200,
    "url.path": "/orders/7/",
}
STREAMS = 2000
ROUNDS = 7


class Nothing:
    """A backend that does nothing: what the others cost is beyond this."""

    def open(self, info):
        return self

    def start(self):
        return {}

    def close(self, report):
        pass


def make():
    return streaminstr.stream([b"one"], name="orders", attributes=ATTRIBUTES)


def microseconds(backend):
    """The best of some rounds."""
    with in_force(backend):
        return min(one_round() for _ in range(ROUNDS))


def one_round():
    start = time.thread_time()
    for _ in range(STREAMS):
        list(make())
    return (time.thread_time() - start) / STREAMS * 1e6


def bytes_held(backend):
    """Of one open stream, with all that it holds."""
    with in_force(backend):
        list(make())
        gc.collect()
        tracemalloc.start()
        streams = [make() for _ in range(STREAMS)]
        for stream in streams:
            next(stream)
        held = tracemalloc.get_traced_memory()[0] / STREAMS
        tracemalloc.stop()
        for stream in streams:
            stream.close()
    return held


@contextmanager
def in_force(backend):
    levels = dict.fromkeys(streaminstr.Outcome)
    with _configure.forced(_configure.build(backend, log_levels=levels)):
        yield


def opentelemetry(*, metrics):
    meters = MeterProvider(metric_readers=[InMemoryMetricReader()] if metrics else [])
    traces = TracerProvider()
    return OpenTelemetryBackend(metrics=metrics, tracer_provider=traces, meter_provider=meters)


def page_of(rows):
    """The size of the page that a worker writes into the roster, and what writing it takes."""
    worker = Worker(name="web-1:1", host="web-1", pid=1, since=0.0, age=0.0, open=len(rows))
    start = time.thread_time()
    text = encode(Page(worker=worker, written=0.0, rows=tuple(rows)))
    return f"a page of {len(text)} bytes", f"{(time.thread_time() - start) * 1e3:.1f} ms"


def say(*cells):
    sys.stdout.write(" | ".join(str(cell) for cell in cells) + "\n")


def main():
    base, held = microseconds(Nothing()), bytes_held(Nothing())
    say("no backend", f"{base:.1f} us", f"{held:.0f} bytes held")
    registry = CollectorRegistry()
    backends = {
        "prometheus": PrometheusBackend(registry=registry),
        "opentelemetry, metrics alone": OpenTelemetryBackend(
            meter_provider=MeterProvider(metric_readers=[InMemoryMetricReader()])
        ),
        "opentelemetry, spans alone": opentelemetry(metrics=False),
        "opentelemetry, both": opentelemetry(metrics=True),
    }
    for name, backend in backends.items():
        more = microseconds(backend) - base
        say(name, f"{more:.1f} us more", f"{bytes_held(backend) - held:.0f} bytes more held")
    start = time.thread_time()
    page = generate_latest(registry)
    took = (time.thread_time() - start) * 1e3
    say("a scrape of one route", f"{len(page)} bytes", f"{took:.1f} ms")
    for count in (10, 1000, 10_000):
        with in_force(Nothing()):
            streams = [make() for _ in range(count)]
            for stream in streams:
                next(stream)
            start = time.thread_time()
            rows = streaminstr.open_streams()
            took = (time.thread_time() - start) * 1e3
            say(f"open_streams() of {len(rows)}", f"{took:.1f} ms", *page_of(rows))
            for stream in streams:
                stream.close()


if __name__ == "__main__":
    main()
