"""Metrics in forked processes: what OpenTelemetry's SDK keeps apart, and what it does not."""

import json
import os
from importlib.metadata import version

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

import streaminstr
from streaminstr_opentelemetry import OpenTelemetryBackend

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
TELLS_CHILDREN_APART = tuple(map(int, version("opentelemetry-sdk").split(".")[:2])) >= (1, 44)
SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


class Worker:
    """A meter provider, and the backend that counts by it."""

    def __init__(self, **attributes):
        self.reader = InMemoryMetricReader()
        meters = MeterProvider(
            metric_readers=[self.reader],
            resource=Resource.create(attributes),
            shutdown_on_exit=False,
        )
        self.backend = OpenTelemetryBackend(meter_provider=meters)

    def count_one(self, force):
        """Open a stream; gives the id of the instance, and what the gauge says."""
        force(self.backend, log_levels=SILENT)
        made = streaminstr.stream([b"1", b"2"], name="s")
        next(made)
        (resource,) = self.reader.get_metrics_data().resource_metrics
        (scope,) = resource.scope_metrics
        (gauge,) = [one for one in scope.metrics if one.name == "streaminstr.active_streams"]
        made.close()
        found = resource.resource.attributes.get("service.instance.id")
        return found, gauge.data.data_points[0].value


def in_child(function):
    """What `function` gives in a forked child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in another process
        os.write(writer, json.dumps(function()).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return json.load(pipe)


def test_what_the_sdk_says_of_workers_that_are_forked(force):
    """Where all have one id, or none, a store takes their gauges for one that jumps."""
    worker = Worker()
    ids = [in_child(lambda: worker.count_one(force))[0] for _ in range(2)]
    assert len({*ids, worker.count_one(force)[0]}) == (3 if TELLS_CHILDREN_APART else 1)


def test_a_provider_of_each_workers_own_tells_them_apart_with_any_sdk(force):
    """As docs/reference/metrics.md has it, in `post_fork`."""

    def post_fork():
        return Worker(**{"service.instance.id": str(os.getpid())}).count_one(force)

    answers = [in_child(post_fork) for _ in range(2)]
    assert len({found for found, _ in answers}) == 2
    assert [value for _, value in answers] == [1, 1]


def test_what_was_counted_before_a_fork_is_counted_by_the_child_too(force):
    """So no stream may be open where a process forks."""
    worker = Worker()
    force(worker.backend, log_levels=SILENT)
    made = streaminstr.stream([b"1", b"2"], name="s")
    next(made)
    assert in_child(lambda: worker.count_one(force))[1] == 2
    made.close()
    assert worker.count_one(force)[1] == 1
