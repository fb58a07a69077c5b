"""The metrics of OpenTelemetry, as docs/reference/metrics.md has them."""

from pathlib import Path

import pytest

import streaminstr
from streaminstr.metrics import DURATION, FIRST_CHUNK, SIZE
from streaminstr_opentelemetry import OpenTelemetryBackend
from streaminstr_opentelemetry._metrics import GAPS, MOST_GAPS

GAP = GAPS.buckets

HTTP = {
    "http.request.method": "GET",
    "http.route": "orders/",
    "http.response.status_code": 200,
    "url.path": "/orders/",
}
STARTED = {"streaminstr.name": "s", "http.request.method": "GET", "http.route": "orders/"}


@pytest.fixture
def open_stream(otel, force):
    def make(body=(b"one", b"two"), **options):
        force(otel.backend, **options)
        return streaminstr.stream(body, name="s", attributes=HTTP)

    return make


def test_each_has_its_unit(otel, open_stream):
    list(open_stream())
    assert {name: metric.unit for name, (metric, _) in otel.points.items()} == {
        "streaminstr.active_streams": "{stream}",
        "streaminstr.streams.opened": "{stream}",
        "streaminstr.streams.closed": "{stream}",
        "streaminstr.stream.duration": "s",
        "streaminstr.stream.time_to_first_chunk": "s",
        "streaminstr.stream.body.size": "By",
    }


def test_attributes_of_what_is_recorded_at_the_end(otel, open_stream):
    list(open_stream())
    (_, [point]) = otel.points["streaminstr.stream.duration"]
    assert point.attributes == {
        **STARTED,
        "http.response.status_code": 200,
        "streaminstr.outcome": "completed",
    }


def test_failure_has_the_error_type_of_the_span(otel, open_stream):
    with pytest.raises(ZeroDivisionError):
        list(open_stream(1 // 0 for _ in "1"))
    (_, [point]) = otel.points["streaminstr.stream.body.size"]
    assert point.attributes["error.type"] == otel.node().error_type == "ZeroDivisionError"


def test_active_streams_come_back_to_zero(otel, open_stream):
    """By the same attributes at both ends, or they never would."""
    body = open_stream()
    next(body)
    (_, [point]) = otel.points["streaminstr.active_streams"]
    assert (point.value, point.attributes) == (1, STARTED)
    body.close()
    (_, [point]) = otel.points["streaminstr.active_streams"]
    assert point.value == 0


def test_each_stream_is_opened_once_and_closed_once(otel, open_stream):
    """They survive what a gauge does not: a sum over processes, and one that was killed."""
    body = open_stream()
    next(body)
    (opened, [point]) = otel.points["streaminstr.streams.opened"]
    assert (point.value, point.attributes, opened.data.is_monotonic) == (1, STARTED, True)
    assert "streaminstr.streams.closed" not in otel.points
    body.close(cancelled_by="client")
    (closed, [point]) = otel.points["streaminstr.streams.closed"]
    assert (point.value, closed.data.is_monotonic) == (1, True)
    assert point.attributes == {
        **STARTED,
        "streaminstr.outcome": "cancelled",
        "streaminstr.cancelled_by": "client",
    }
    (_, [point]) = otel.points["streaminstr.streams.opened"]
    assert point.value == 1


def test_what_tells_who_cancelled_is_no_attribute_of_a_histogram(otel, open_stream):
    body = open_stream()
    next(body)
    body.close(cancelled_by="client")
    (_, [point]) = otel.points["streaminstr.stream.duration"]
    assert "streaminstr.cancelled_by" not in point.attributes


def test_refusals_are_counted_by_route(otel):
    info = streaminstr.StreamInfo(name="s", attributes=HTTP)
    otel.backend.refused(info)
    otel.backend.refused(info)
    OpenTelemetryBackend(metrics=False).refused(info)
    (metric, [point]) = otel.points["streaminstr.streams.refused"]
    assert (metric.unit, point.value, point.attributes) == ("{stream}", 2, STARTED)


def test_values(otel, open_stream):
    list(open_stream([b"x" * 1000, b"y" * 24]))
    sums = {name: points[0] for name, (_, points) in otel.points.items()}
    assert sums["streaminstr.stream.body.size"].sum == 1024
    assert sums["streaminstr.stream.duration"].count == 1
    assert sums["streaminstr.stream.time_to_first_chunk"].count == 1


def test_no_first_chunk_no_time_to_it(otel, open_stream):
    list(open_stream([]))
    assert "streaminstr.stream.time_to_first_chunk" not in otel.points


@pytest.mark.parametrize(
    ("name", "buckets"),
    [
        ("streaminstr.stream.duration", DURATION.buckets),
        ("streaminstr.stream.time_to_first_chunk", FIRST_CHUNK.buckets),
        ("streaminstr.stream.body.size", SIZE.buckets),
    ],
)
def test_buckets_reach_as_far_as_streams_do(otel, open_stream, name, buckets):
    list(open_stream())
    (_, [point]) = otel.points[name]
    assert tuple(point.explicit_bounds) == buckets
    assert list(buckets) == sorted(buckets)


def test_exemplars_point_to_the_span(otel, open_stream):
    """They are recorded while the stream's span is current."""
    list(open_stream())
    (_, [point]) = otel.points["streaminstr.stream.duration"]
    assert [exemplar.span_id for exemplar in point.exemplars] == [otel.node().span_id]


def test_what_is_never_stepped_is_not_counted(otel, open_stream):
    open_stream().close()
    assert otel.points == {}


def test_switched_off(otel, force):
    force(
        OpenTelemetryBackend(
            tracer_provider=otel.provider, meter_provider=otel.meters, metrics=False
        )
    )
    list(streaminstr.stream([b""], name="s"))
    assert otel.points == {}


def test_switched_off_by_an_option(force):
    config = force("opentelemetry", options={"metrics": False})
    assert config.backends[0].metrics is None


def test_page_has_each_metric_with_unit_and_buckets(counting):
    list(streaminstr.stream([b"one", b"two"], name="s"))
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()
    assert "streaminstr.stream.gap" in counting.points
    for name, (metric, [point]) in counting.points.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        buckets = [float(bound) for bound in row.split("|")[-2].replace(",", " ").split()]
        assert f"| `{metric.unit}` |" in row
        assert buckets == list(getattr(point, "explicit_bounds", ()))


# The histogram of gaps.


@pytest.fixture
def counting(force):
    from wire_memory_otel import OpenTelemetry  # noqa: PLC0415 - one vendor may be absent

    vendor = OpenTelemetry(gaps=True)
    force(vendor.backend)
    return vendor


def test_gaps_are_recorded_once_at_the_end(counting):
    body = streaminstr.stream([b"1", b"2", b"3"], name="s", attributes=HTTP)
    chunks = [next(body), next(body), next(body)]
    assert "streaminstr.stream.gap" not in counting.points
    assert [*chunks, *body] == [b"1", b"2", b"3"]
    (metric, [point]) = counting.points["streaminstr.stream.gap"]
    assert (metric.unit, point.count, tuple(point.explicit_bounds)) == ("s", 2, GAP)
    assert point.attributes == {
        **STARTED,
        "http.response.status_code": 200,
        "streaminstr.outcome": "completed",
    }
    assert list(GAP) == sorted(GAP)


def recorded_for(vendor, *gaps):
    """Record a report with these gaps; gives the counts of the buckets that are not empty."""
    report = streaminstr.StreamReport(outcome=streaminstr.Outcome.COMPLETED, gaps=gaps)
    vendor.backend.metrics.closed(streaminstr.StreamInfo(name="s"), report, {})
    (_, [point]) = vendor.points["streaminstr.stream.gap"]
    return [count for count in point.bucket_counts if count], point.sum


def test_counts_and_sum_are_exact_for_a_stream_of_few(counting):
    counts, total = recorded_for(counting, (0.02, 150), (7.0, 50))
    assert (counts, total) == ([150, 50], pytest.approx(0.02 * 150 + 7.0 * 50))


def test_a_long_stream_records_in_proportion_and_keeps_what_is_rare(counting):
    counts, _ = recorded_for(counting, (0.02, 750_000), (0.06, 250_000), (250.0, 1))
    assert counts == [150, 50, 1]
    assert sum(counts) <= MOST_GAPS + len(GAP)


def test_a_size_that_is_not_known_is_not_recorded(otel):
    report = streaminstr.StreamReport(outcome=streaminstr.Outcome.COMPLETED, bytes=None)
    otel.backend.metrics.closed(streaminstr.StreamInfo(name="s"), report, {})
    assert "streaminstr.stream.body.size" not in otel.points


def test_a_backend_that_was_not_asked_for_them_records_none(otel):
    report = streaminstr.StreamReport(outcome=streaminstr.Outcome.COMPLETED, gaps=((1.0, 2),))
    otel.backend.metrics.closed(streaminstr.StreamInfo(name="s"), report, {})
    assert "streaminstr.stream.gap" not in otel.points


@pytest.mark.parametrize(
    ("options", "bounds"),
    [({}, ()), ({"gaps": True}, GAP), ({"gaps": True, "metrics": False}, ())],
)
def test_gaps_are_an_option(force, options, bounds):
    config = force("opentelemetry", options=options)
    assert config.gap_bounds == bounds
    assert config.backends[0].gap_bounds == bounds


def test_an_event_stream_records_the_time_between_events(counting):
    list(streaminstr.stream([b"data: 1\n\n", b": ping\n\n", b"data: 2\n\n"], kind="sse"))
    (_, [point]) = counting.points["streaminstr.stream.gap"]
    assert point.count == 1
