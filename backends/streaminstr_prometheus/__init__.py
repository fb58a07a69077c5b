"""Prometheus, by public names of prometheus_client alone. A stream has metrics here and no span.

The names are those of streaminstr.metrics as OpenTelemetry's rules write them for Prometheus:
opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics.
"""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress
from functools import cache
from inspect import currentframe
from itertools import chain
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from streaminstr import metrics

if TYPE_CHECKING:
    from streaminstr.types import StreamInfo, StreamReport

MOST_VALUES = 1000
"""How many values of one label a process keeps apart: a series stays until the process ends."""
OTHER = "_OTHER"
"""The value in place of one more, as the semantic conventions write it."""
_UNITS = {"s": "_seconds", "By": "_bytes"}
_CLIENT = vars(sys.modules[Counter.__module__])
"""The globals of the module that holds the locks."""


class PrometheusBackend:
    """Counters, histograms and a gauge in `registry`, by default that of prometheus_client."""

    def __init__(self, *, registry: CollectorRegistry = REGISTRY) -> None:
        self._families = {one.name: _family(one, registry) for one in metrics.METRICS}
        every = chain.from_iterable(one.attributes for one in metrics.METRICS)
        self._values: dict[str, set[str]] = {name: set() for name in every}
        self._waiting: deque[Any] = deque()

    def open(self, info: StreamInfo) -> PrometheusScope:
        return PrometheusScope(self, info)

    def refused(self, info: StreamInfo) -> None:
        """Count a stream that a limit has refused."""
        self.count(metrics.at_start(info), (metrics.REFUSED, 1))

    def count(self, attributes: dict[str, Any], *values: tuple[metrics.Metric, float]) -> None:
        """Count under those of `attributes` that are labels of the metric."""
        labels: dict[tuple[str, ...], list[str]] = {}
        for metric, value in values:
            taken = metric.attributes
            if taken not in labels:
                labels[taken] = [self._label(name, attributes.get(name, "")) for name in taken]
            self._waiting.append((metric, value, labels[taken]))
        if not _interrupts_the_client():
            self.flush()

    def flush(self, timeout: float = 0.0) -> None:  # noqa: ARG002 - it takes no time
        """Count what could not be counted where it happened."""
        with suppress(IndexError):  # another thread may be as far
            while self._waiting:
                metric, value, labels = self._waiting.popleft()
                series = self._families[metric.name].labels(*labels)
                (series.observe if metric.kind == "histogram" else series.inc)(value)

    def _label(self, name: str, value: Any) -> str:
        seen = self._values[name]
        if type(value) is str and value in seen:
            return value
        text = str(value).encode("utf-8", "replace").decode()
        if len(seen) < MOST_VALUES:
            seen.add(text)
        return text if text in seen else OTHER


class PrometheusScope:
    """One count of each metric."""

    def __init__(self, backend: PrometheusBackend, info: StreamInfo) -> None:
        self._backend, self._info = backend, info

    def start(self) -> dict[str, str]:
        self._started = metrics.at_start(self._info)
        self._backend.count(self._started, (metrics.OPENED, 1), (metrics.ACTIVE, 1))
        return {}

    def close(self, report: StreamReport) -> None:
        ended, recorded = metrics.at_end(self._started, self._info, report), metrics.values(report)
        self._backend.count(ended, (metrics.CLOSED, 1), (metrics.ACTIVE, -1), *recorded)


@cache  # a registry takes each name once, and settings may make a backend more than once
def _family(metric: metrics.Metric, registry: CollectorRegistry) -> Any:
    kind = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}[metric.kind]
    own: Any = {"gauge": {"multiprocess_mode": "livesum"}, "histogram": {"buckets": metric.buckets}}
    name = metric.name.replace(".", "_") + _UNITS.get(metric.unit, "")
    described = name, metric.description, [one.replace(".", "_") for one in metric.attributes]
    return kind(*described, registry=registry, **own.get(metric.kind, {}))


def _interrupts_the_client() -> bool:
    """Whether this call has interrupted one of prometheus_client's, which may hold a lock.

    The garbage collector ends streams anywhere, and so does the handler of a signal. The locks
    are not reentrant.
    """
    frame = currentframe()
    while frame is not None:
        if frame.f_globals is _CLIENT:
            return True
        frame = frame.f_back
    return False
