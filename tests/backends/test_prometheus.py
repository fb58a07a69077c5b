"""The backend for Prometheus, beside what `MetricsContract` asks for."""

import gc
from inspect import signature
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest

import streaminstr
import streaminstr_prometheus
from streaminstr import metrics
from streaminstr_prometheus import OTHER, PrometheusBackend

HTTP = {"http.request.method": "GET", "http.route": "a/", "url.path": "/a/"}
LABELS = {"streaminstr_name": "s", "http_request_method": "GET", "http_route": "a/"}


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def prometheus(registry, force):
    backend = PrometheusBackend(registry=registry)
    force(backend)
    return backend


def stream(body=(b"one", b"two"), name="s", **attributes):
    return streaminstr.stream(body, name=name, attributes={**HTTP, **attributes})


def test_an_open_stream_is_one_and_an_ended_one_is_none(prometheus, registry):
    body = stream()
    next(body)
    assert registry.get_sample_value("streaminstr_active_streams", LABELS) == 1
    body.close()
    assert registry.get_sample_value("streaminstr_active_streams", LABELS) == 0


def test_names_have_their_units_as_opentelemetry_writes_them(prometheus, registry):
    list(stream())
    assert {family.name for family in registry.collect()} == {
        "streaminstr_active_streams",
        "streaminstr_streams_opened",
        "streaminstr_streams_closed",
        "streaminstr_streams_refused",
        "streaminstr_stream_duration_seconds",
        "streaminstr_stream_time_to_first_chunk_seconds",
        "streaminstr_stream_body_size_bytes",
    }


def test_refusals_are_counted_by_route(prometheus, registry):
    prometheus.refused(streaminstr.StreamInfo(name="s", attributes=HTTP))
    assert registry.get_sample_value("streaminstr_streams_refused_total", LABELS) == 1


def test_a_registry_may_have_several_backends(prometheus, registry, force):
    force(PrometheusBackend(registry=registry))
    list(stream())
    assert registry.get_sample_value("streaminstr_streams_opened_total", LABELS) == 1


def test_the_values_of_a_label_are_bounded(prometheus, registry, monkeypatch):
    monkeypatch.setattr(streaminstr_prometheus, "MOST_VALUES", 2)
    for number in range(5):
        list(stream(name=f"s{number}"))
    (family,) = [one for one in registry.collect() if one.name == "streaminstr_active_streams"]
    assert {sample.labels["streaminstr_name"]: sample.value for sample in family.samples} == {
        "s0": 0,
        "s1": 0,
        OTHER: 0,
    }


def test_a_name_that_is_no_utf_8_does_not_lose_the_page(prometheus, registry):
    list(stream(name="\ud800"))
    assert b'streaminstr_name="?"' in generate_latest(registry)


class EndsAStream:
    """A number that ends a stream while prometheus_client holds the lock of a series."""

    def __init__(self, body):
        self.body = body

    def __radd__(self, other):
        self.body.close()
        return other


class Lost:
    """The same by the garbage collector."""

    def __init__(self, body):
        cycle = [body]
        cycle.append(cycle)

    def __radd__(self, other):
        gc.collect()
        return other


@pytest.mark.parametrize("ends", [EndsAStream, Lost])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_stream_that_ends_inside_of_the_client_is_counted_later(prometheus, registry, ends):
    """The locks of prometheus_client are not reentrant: to count at once would hang the process."""
    body = stream()
    next(body)
    series = prometheus._families[metrics.ACTIVE.name].labels("s", "GET", "a/")
    assert isinstance(series, Gauge)
    interrupting = ends(body)
    del body
    thread = Thread(target=series.inc, args=[interrupting], daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert series._value.get() == 1
    prometheus.flush()
    assert series._value.get() == 0


def test_it_takes_a_registry_and_nothing_else():
    assert list(signature(PrometheusBackend).parameters) == ["registry"]
