"""What a stream says of itself is the same for every backend, under WSGI and under ASGI."""

import asyncio
import re
from dataclasses import dataclass, field
from unittest.mock import ANY

import pytest
from django.http import StreamingHttpResponse
from django.test import override_settings
from structlog.testing import capture_logs

import streaminstr
from django_by_hand import Asgi, Wsgi
from streaminstr import current_stream
from streaminstr.testing import RecordingBackend
from wire_memory_datadog import Datadog
from wire_memory_otel import OpenTelemetry
from wire_nodes import TIMES, plain

DONE = b"data: [DONE]\n\n"
EVENT = b"data: 1\n\n"
PING = b": ping\n\n"
TIMED = ("streaminstr.mark.", "streaminstr.rate.")
OF_THE_PLACE = {"http.route", "url.path", "streaminstr.bottleneck"}
"""Attributes that tell the two sites apart, or that depend on how busy the machine is."""
OF_LOGS = {"stream", "event", "log_level", "trace_id", "span_id", "trace_flags"}


class UpstreamError(Exception):
    pass


@dataclass
class Upstream:
    """Chunks that a body reads from a stream of its own."""

    chunks: tuple


@dataclass
class Scenario:
    """A body's chunks and calls, and what is known of its stream at the end."""

    script: list
    facts: dict
    is_error: bool = False
    exceptions: int = 0
    headers: dict = field(default_factory=dict)


def fail(*said, **more):
    return lambda: current_stream().fail(*said, **more)


def mark(name):
    return lambda: current_stream().mark(name)


def add(name, number, **more):
    return lambda: current_stream().add(name, number, **more)


def events(number, pings=0, **more):
    """Facts of an event stream that has sent this many."""
    return {
        "streaminstr.events": float(number),
        "streaminstr.pings": float(pings),
        **({"streaminstr.time_to_first_event": ANY} if number else {}),
        **more,
    }


FAILED = {"streaminstr.outcome": "failed"}
SCENARIOS = {
    "complete": Scenario([EVENT, DONE], events(2)),
    "says that it failed": Scenario(
        [EVENT, fail(UpstreamError("gone")), b"event: error\ndata: {}\n\n", DONE],
        events(3, **FAILED, **{"error.type": f"{__name__}.UpstreamError"}),
        is_error=True,
        exceptions=1,
    ),
    "says why it failed": Scenario(
        [EVENT, fail("no credit", error_type="NoCredit"), fail("later"), DONE],
        events(2, **FAILED, **{"error.type": "NoCredit", "streaminstr.reason": "no credit"}),
        is_error=True,
    ),
    "is truncated": Scenario(
        [EVENT, EVENT[:4]],
        events(1, **FAILED, **{"error.type": "truncated"}),
        is_error=True,
    ),
    "sends pings": Scenario([PING, EVENT, PING, PING, DONE], events(2, pings=3)),
    "shares and spans chunks": Scenario(
        [EVENT + EVENT[:3], EVENT[3:], DONE[:5], DONE[5:]], events(3)
    ),
    "notes moments and sums": Scenario(
        [mark("first_token"), EVENT, add("shop.tokens", 3, rate=True), add("shop.rows", 1), DONE],
        events(
            2,
            **{
                "streaminstr.mark.first_token": ANY,
                "shop.tokens": 3.0,
                "shop.rows": 1.0,
                "streaminstr.rate.shop.tokens": ANY,
            },
        ),
    ),
    "calls wrongly": Scenario(
        [EVENT, add("shop.tokens", "7"), mark(""), fail(""), DONE], events(2)
    ),
    "reads another": Scenario(
        [Upstream((EVENT, EVENT)), DONE], events(3, **{"streaminstr.upstream_time": ANY})
    ),
    "is resumed": Scenario(
        [EVENT, DONE], events(2, **{"streaminstr.resumed": "true"}), headers={"Last-Event-ID": "7"}
    ),
}


def play(script):
    for one in script:
        if isinstance(one, Upstream):
            yield from streaminstr.stream(iter(one.chunks), name="llm")
        elif callable(one):
            one()
        else:
            yield one


async def later(chunks):
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


async def play_later(script):
    for one in script:
        if isinstance(one, Upstream):
            async for chunk in streaminstr.stream(later(one.chunks), name="llm"):
                yield chunk
        elif callable(one):
            one()
        else:
            await asyncio.sleep(0)
            yield one


def by_wsgi(scenario):
    environ = {f"HTTP_{key.upper().replace('-', '_')}": v for key, v in scenario.headers.items()}
    return Wsgi(**environ).read()


def by_asgi(scenario):
    async def run():
        request = Asgi()
        request.scope["headers"] += [
            (key.lower().encode(), value.encode()) for key, value in scenario.headers.items()
        ]
        return (await request.run()).body

    return asyncio.run(run())


SITES = {"wsgi": (by_wsgi, play, "sync/"), "asgi": (by_asgi, play_later, "async/")}


# What each backend has of a stream: its attributes, and whether it is an error.


def of_vendor(vendor, name):
    node = vendor.node(name)
    error_type = {} if node.error_type is None else {"error.type": node.error_type}
    return {**node.attributes, **error_type}, node.is_error, node.exceptions


def of_recording(recording, name):
    (stream,) = [one for one in recording.streams if one.name == name]
    attributes = {**stream.info.as_attributes(), **stream.report.as_attributes()}
    return attributes, stream.report.is_error, int(stream.report.error is not None)


def of_log(line):
    fields = {
        key: value
        for key, value in line.items()
        if key not in OF_LOGS and not key.startswith("dd.")
    }
    return fields, line["log_level"] == "error", None


@pytest.fixture
def datadog():
    vendor = Datadog()
    yield vendor
    vendor.restore()


@pytest.fixture(params=["opentelemetry", "datadog", "log", "both", "recording"])
def chosen(request):
    """Backends for the settings, and what reads a stream's facts back from each."""
    if request.param == "log":
        return "log", []
    if request.param == "recording":
        recording = RecordingBackend()
        return recording, [lambda name: of_recording(recording, name)]
    vendors = []
    if request.param in ("opentelemetry", "both"):
        vendors.append(OpenTelemetry())
    if request.param in ("datadog", "both"):
        vendors.append(request.getfixturevalue("datadog"))
    readers = [lambda name, vendor=vendor: of_vendor(vendor, name) for vendor in vendors]
    return [vendor.backend for vendor in vendors], readers


ANYTHING = {*TIMES, "streaminstr.db_connections"}
"""What a test before this one may have left open counts, too."""


def neutral(attributes):
    """The facts alone, in one form: times that are there are anything."""
    return {
        name: ANY if name in ANYTHING or name.startswith(TIMED) else plain(value)
        for name, value in {
            **attributes,
            "http.response.status_code": str(attributes["http.response.status_code"]),
        }.items()
        if name not in OF_THE_PLACE
    }


def expected(scenario, sent):
    chunks = [one for step in scenario.script for one in getattr(step, "chunks", [step])]
    return {
        "http.request.method": "GET",
        "http.response.status_code": "200",
        "streaminstr.content_type": "text/event-stream",
        "streaminstr.stream_id": ANY,
        "streaminstr.outcome": "completed",
        "streaminstr.chunks": float(sum(isinstance(one, bytes) for one in chunks)),
        "streaminstr.bytes": float(len(sent)),
        "streaminstr.time_to_first_chunk": ANY,
        "streaminstr.request_time_to_first_chunk": ANY,
        "streaminstr.longest_gap": ANY,
        "streaminstr.producer_time": ANY,
        "streaminstr.consumer_time": ANY,
        "streaminstr.db_connections": ANY,
        **scenario.facts,
    }


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("what", SCENARIOS)
def test_every_backend_has_the_same_facts_of_a_stream_that(what, site, chosen, answer):
    scenario, (run, body, route) = SCENARIOS[what], SITES[site]
    backend, readers = chosen
    answer(lambda: StreamingHttpResponse(body(scenario.script), content_type="text/event-stream"))
    wanted = {"BACKEND": backend, "ENDS_WITH": {route: DONE}, "LOG_LEVELS": {"opened": "info"}}
    with override_settings(STREAMINSTR=wanted), capture_logs() as lines:
        sent = run(scenario)
    mine = [line for line in lines if line.get("stream") == f"GET {route}"]
    opened, closed = mine
    found = [of_log(closed), *(read(f"GET {route}") for read in readers)]
    for attributes, is_error, exceptions in found:
        assert neutral(attributes) == expected(scenario, sent)
        assert is_error is scenario.is_error
        assert exceptions in (None, scenario.exceptions)
    ids = {attributes["streaminstr.stream_id"] for attributes, *_ in found}
    assert ids == {opened["streaminstr.stream_id"]}
    assert re.fullmatch("[0-9a-f]{16}", *ids)
    assert [line["event"] for line in mine] == ["stream_opened", "stream_closed"]
