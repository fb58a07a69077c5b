"""Breaking any promise of the metrics' contract makes it fail, with a sentence that names it."""

from collections import Counter

import pytest

from contract_vendors import PrometheusMetricsContract
from streaminstr import metrics
from streaminstr.testing import MetricsContract, MetricView


class Toy:
    """The least that records metrics: a dict of series."""

    def __init__(self):
        self.values = Counter()
        self.counts = Counter()

    def open(self, info):
        return self.scope(self, info)

    def add(self, metric, value, attributes):
        own = {key: attributes[key] for key in metric.attributes if key in attributes}
        series = metric.name, tuple(own.items())
        self.values[series] += value
        self.counts[series] += 1


class Scope:
    def __init__(self, backend, info):
        self.add, self.info = backend.add, info

    def start(self):
        self.started = metrics.at_start(self.info)
        for metric in (metrics.OPENED, metrics.ACTIVE):
            self.add(metric, 1, self.started)
        return {}

    def close(self, report):
        ended = metrics.at_end(self.started, self.info, report)
        self.add(metrics.CLOSED, 1, ended)
        self.add(metrics.ACTIVE, -1, ended)
        for metric, value in metrics.values(report):
            self.add(metric, value, ended)


Toy.scope = Scope


class ToyMetricsContract(MetricsContract):
    scope = Scope

    def make_backend(self):
        return type("Mine", (Toy,), {"scope": self.scope})()

    def points(self, backend):
        return [
            MetricView(
                name=name, attributes=dict(own), value=value, count=backend.counts[name, own]
            )
            for (name, own), value in backend.values.items()
        ]


class TestWhole(ToyMetricsContract):
    """The toy keeps every promise, before anything is broken."""


class Leaks(Scope):
    def close(self, report):
        if report.outcome != "abandoned":
            super().close(report)


class OtherAttributesAtTheEnd(Scope):
    def close(self, report):
        self.started = {**self.started, "http.route": "other"}
        super().close(report)


class CountsTwice(Scope):
    def close(self, report):
        super().close(report)
        super().close(report)


class NeverSaysWho(Scope):
    def close(self, report):
        ended = {"streaminstr.outcome": report.outcome.value, **self.started}
        self.add(metrics.CLOSED, 1, ended)


class Milliseconds(Scope):
    def close(self, report):
        ended = metrics.at_end(self.started, self.info, report)
        for metric, value in metrics.values(report):
            self.add(metric, value * 1000, ended)


class CountsInOpen(Scope):
    def __init__(self, backend, info):
        super().__init__(backend, info)
        super().start()


class HasThePath(Scope):
    def start(self):
        path = self.info.attributes.get("url.path", "")
        self.add(metrics.OPENED, 1, {**metrics.at_start(self.info), "http.route": path})
        return {}

    def close(self, report):
        pass


BROKEN = {
    "active_streams": [
        (Leaks, "is not 0 for"),
        (OtherAttributesAtTheEnd, "Keep the attributes"),
        (CountsInOpen, "A stream that was not stepped"),
    ],
    "counted_once": [(CountsTwice, "Count each stream once"), (NeverSaysWho, "'client'")],
    "sums": [(CountsTwice, "values of"), (Milliseconds, "Seconds and bytes")],
    "never_started": [(CountsInOpen, "never stepped")],
    "bounded": [(HasThePath, "5 series of 5 streams of one route")],
}


@pytest.mark.parametrize(
    ("promise", "scope", "advice"),
    [(promise, *one) for promise, broken in BROKEN.items() for one in broken],
)
def test_a_broken_promise_is_named(promise, scope, advice):
    contract = type("Mine", (ToyMetricsContract,), {"scope": scope})()
    with pytest.raises(AssertionError, match=f"^{promise}: ") as failure:
        getattr(contract, f"test_{promise}")()
    assert advice in str(failure.value)


def test_every_promise_has_been_broken():
    promises = {name[5:] for name in dir(MetricsContract) if name.startswith("test_")}
    assert promises == {*BROKEN, "metrics_contract_is_whole"}


def test_a_subclass_that_changes_a_promise_is_refused():
    with pytest.raises(TypeError, match="Mine changes what it is tested for: test_sums"):
        type("Mine", (ToyMetricsContract,), {"test_sums": lambda self: None})


def test_a_promise_that_is_changed_later_and_a_wrong_flag_fail():
    mine = type("Mine", (ToyMetricsContract,), {"has_gauge": "no"})
    mine.test_sums = lambda self: None
    with pytest.raises(AssertionError, match=r"has_gauge is 'no'\. .* test_sums changed since"):
        mine().test_metrics_contract_is_whole()


def test_what_a_vendor_cannot_do_is_skipped_with_its_flag():
    mine = type("Mine", (ToyMetricsContract,), {"has_histograms": False})()
    with pytest.raises(pytest.skip.Exception, match="sums: has_histograms = False in Mine"):
        mine.test_sums()


@pytest.mark.parametrize("method", ["make_backend", "points"])
def test_what_is_not_written_is_asked_for(method):
    written = {} if method == "make_backend" else {"make_backend": lambda self: Toy()}
    contract = type("Mine", (MetricsContract,), written)()
    with pytest.raises(NotImplementedError, match=rf"Write Mine\.{method}\("):
        contract.test_sums()


def test_an_empty_label_counts_as_left_out():
    """Prometheus has all labels on all series."""
    contract = PrometheusMetricsContract()
    contract.test_counted_once()
    closed = [point for point in contract.points(None) if point.name == metrics.CLOSED.name]
    assert {point.attributes["streaminstr.cancelled_by"] for point in closed} == {
        "",
        "client",
        "server",
    }
