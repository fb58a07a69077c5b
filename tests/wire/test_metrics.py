"""Metrics on the wire: what each export says, by either temporality and by either vendor's SDK."""

from collections import defaultdict

import pytest

from wire_agent import until

PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
COUNTERS = ("streaminstr.streams.opened", "streaminstr.streams.closed")
HISTOGRAMS = (
    "streaminstr.stream.body.size",
    "streaminstr.stream.duration",
    "streaminstr.stream.time_to_first_chunk",
)
GAUGE = "streaminstr.active_streams"


def told(start, vendor, **environment):
    """The exports of a story in which one stream is sent, and then another one."""
    run = start(vendor, "counted", **environment)
    run.wait_for_pause()
    run.go_on()
    until(lambda: len(exports(run)["streaminstr.streams.closed"]) > 1)
    return exports(run)


def exports(run):
    """By metric, the temporality and the values or counts of each export."""
    found = defaultdict(list)
    for metric in run.agent.metrics(run.session):
        data = metric.get("sum") or metric["histogram"]
        values = [int(point.get("as_int", point.get("count"))) for point in data["data_points"]]
        kind = data["aggregation_temporality"].removeprefix("AGGREGATION_TEMPORALITY_")
        found[metric["name"]].append((kind, *values))
    return found


def is_delta(found):
    """Whether each export has what is new, and the gauge what there is."""
    counted = [found[name] for name in (*COUNTERS, *HISTOGRAMS)]
    return counted == [[("DELTA", 1), ("DELTA", 1)]] * 5 and {*found[GAUGE]} == {("CUMULATIVE", 0)}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_each_export_has_all_since_the_start_by_default(start, protocol):
    found = told(start, protocol)
    for name in (*COUNTERS, *HISTOGRAMS):
        assert {*found[name]} == {("CUMULATIVE", 1), ("CUMULATIVE", 2)}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_each_export_has_what_is_new_as_datadog_wants_it(start, protocol):
    assert is_delta(told(start, protocol, **{PREFERENCE: "delta"}))


def test_ddtraces_own_provider_does_so_by_itself(start):
    """As docs/reference/metrics.md says: DD_METRICS_OTEL_ENABLED, and both backends."""
    assert is_delta(told(start, "ddtrace", DD_METRICS_OTEL_ENABLED="true"))
