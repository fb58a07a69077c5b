"""What a backend has counted of the streams of one promise, and what it should have."""

from __future__ import annotations

import asyncio
from functools import partial
from math import isclose
from os import urandom
from typing import TYPE_CHECKING, Any, Self

from streaminstr import attributes as names
from streaminstr.testing import _bodies as bodies
from streaminstr.testing._hooks import Hooks
from streaminstr.testing._trial import Trial, in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streaminstr.metrics import Metric
    from streaminstr.testing._views import MetricView
    from streaminstr.types import Attribute, StreamReport


class MetricsHooks:
    """Flags and methods for a subclass to set."""

    has_gauge: bool = True
    """It records `streaminstr.active_streams`."""
    has_counters: bool = True
    """It records `streaminstr.streams.opened` and `.closed`."""
    has_histograms: bool = True
    """It records the duration, the size and the time to the first chunk."""

    def make_backend(self) -> Any:
        """A new backend, or anything else that `streaminstr.configure(backend=...)` takes."""
        msg = f"Write {type(self).__name__}.make_backend(): it returns a new backend."
        raise NotImplementedError(msg)

    def points(self, backend: Any) -> Iterable[MetricView]:
        """All series of `backend`, which `make_backend` returned, as they are now."""
        msg = (
            f"Write {type(self).__name__}.points(backend): it returns a MetricView for each series."
        )
        raise NotImplementedError(msg)


class _WithoutSpans(Hooks):
    can_read_back = False
    has_current_span = False


class MeterTrial:
    """Streams of a name of their own on the backend of `contract`, and what was counted of them."""

    def __init__(self, contract: MetricsHooks, promise: str) -> None:
        spans = _WithoutSpans()
        spans.make_backend = contract.make_backend  # type: ignore[method-assign] # of one object
        self._contract = contract
        self._trial = Trial(spans, promise)
        self.name = f"promised.{urandom(4).hex()}"
        self.check = self._trial.check_anyway
        self.backends = self._trial.backends

    def __enter__(self) -> Self:
        self._trial.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        self._trial.__exit__(kind, *exc_info)

    @property
    def reports(self) -> list[StreamReport]:
        """The reports of the streams that have ended."""
        return self._trial.observer.reports

    def stream(self, body: Any = (b"one", b"two"), **attributes: Attribute) -> Any:
        """A stream over `body`, with attributes whose names have `__` for each dot."""
        own = {name.replace("__", "."): value for name, value in attributes.items()}
        return self._trial.stream(body, name=self.name, attributes=own)

    def points(self, metric: Metric, **expected: object) -> list[MetricView]:
        """The series of `metric` of these streams, of those with attributes as `expected`."""
        return [
            point
            for point in self._contract.points(self._trial.backend)
            if point.name == metric.name
            and point.attributes.get(names.NAME) == self.name
            and all(_text(point, name) == str(value) for name, value in expected.items())
        ]

    def check_sum(self, metric: Metric, value: float, advice: str, **expected: object) -> None:
        """Fail unless the values of `metric` add up to `value`."""
        total = sum(point.value for point in self.points(metric, **expected))
        shown = "".join(f" with {name} {text!r}" for name, text in expected.items())
        self.check(
            isclose(total, value, rel_tol=1e-6, abs_tol=1e-9),
            f"{metric.name} of the streams{shown} is {total:g} and should be {value:g}. {advice}",
        )

    def check_count(self, metric: Metric, count: int) -> None:
        """Fail unless the histogram `metric` has recorded `count` values."""
        total = sum(point.count or 0 for point in self.points(metric))
        self.check(
            total == count,
            f"{metric.name} has {total} values of {count} streams. Record each of "
            "streaminstr.metrics.values(report) once, in close().",
        )


def run_a_mix(trial: MeterTrial) -> dict[tuple[str, str], int]:
    """Streams of every end, from every place; returns how many, by outcome and who cancelled."""
    list(trial.stream())
    asyncio.run(bodies.async_drain(trial.stream(bodies.async_chunks())))
    bodies.drain(trial.stream(bodies.failing()))
    list(trial.stream(bodies.reporting("the upstream is gone")))
    for cancelled_by in ("client", "client", "server", None):
        stream = trial.stream()
        in_thread(partial(next, stream))
        in_thread(partial(stream.close, cancelled_by=cancelled_by))
    next(trial.stream())
    bodies.lose(trial.stream())
    list(trial.stream(bodies.around(bodies.collect)))
    trial.stream().close()  # never stepped: it is not counted
    return {
        ("completed", ""): 3,
        ("failed", ""): 2,
        ("cancelled", "client"): 2,
        ("cancelled", "server"): 1,
        ("cancelled", ""): 1,
        ("abandoned", ""): 2,
    }


def _text(point: MetricView, name: str) -> str:
    value = point.attributes.get(
        {"outcome": names.OUTCOME, "cancelled_by": names.CANCELLED_BY}[name]
    )
    return "" if value is None else str(value)
