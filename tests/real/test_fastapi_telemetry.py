"""Beside what traces FastAPI: the stream is a child of the request's span; there is one scope."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import EventSourceResponse, StreamingResponse

from real_app import App
from real_bodies import Turn
from real_check import visit
from real_spans import PROVIDER
from real_starlette import lines
from streaminstr.starlette import instrument

PATHS = pytest.mark.parametrize("path", ["/stream/{ending}", "/sse/{ending}"])
SUPPORT = Path(__file__).parents[1] / "support"
OFF = {"tracing": False, "metrics": False, "logs": False}


def shop(telemetry):
    async def stream(ending: str):
        return StreamingResponse(lines(Turn(ending)))

    async def sse(ending: str):
        async for line in lines(Turn(ending)):
            yield line

    app = FastAPI(telemetry=telemetry)
    app.get("/stream/{ending}")(stream)
    app.get("/sse/{ending}", response_class=EventSourceResponse)(sse)
    return app


def see(make, path, ending):
    """The span of the stream, its parent's, and the parents of what the body does."""
    site = App(make, "asgi", path, net=False, has_span=False, instrument=instrument)
    spans = visit(site, ending, ours=True).recorder.spans
    (stream,) = (span for span in spans if "streaminstr.outcome" in span.attributes)
    by_id = {span.context.span_id: span for span in spans}
    inside = {span.parent.span_id for span in spans if span.name == "note"}
    assert inside == {stream.context.span_id}
    return stream, stream.parent and by_id[stream.parent.span_id]


@PATHS
@pytest.mark.parametrize("ending", ["full", "waits", "refused"])
def test_fastapis_own_telemetry(path, ending):
    """It calls a client that leaves an error of the server's. The stream says who it was."""
    stream, server = see(lambda: shop({"tracer_provider": PROVIDER}), path, ending)
    assert (server.kind.name, server.parent) == ("SERVER", None)
    assert server.status.status_code.name == ("UNSET" if ending == "full" else "ERROR")
    assert stream.status.status_code.name == "UNSET"
    assert stream.attributes["streaminstr.outcome"] == (
        "completed" if ending == "full" else "cancelled"
    )


@PATHS
def test_what_its_telemetry_excludes_has_a_stream_without_a_parent(path):
    telemetry = {"tracer_provider": PROVIDER, "exclude": lambda scope: True}
    _, parent = see(lambda: shop(telemetry), path, "refused")
    assert parent is None


@pytest.fixture
def traced_shop():
    """Makes a shop with OpenTelemetry's instrumentation, which also patches background tasks."""
    fastapi = pytest.importorskip("opentelemetry.instrumentation.fastapi")
    apps = []

    def make(**options):
        apps.append(shop(OFF))
        fastapi.FastAPIInstrumentor.instrument_app(apps[-1], tracer_provider=PROVIDER, **options)
        return apps[-1]

    yield make
    for app in apps:
        fastapi.FastAPIInstrumentor.uninstrument_app(app)


@PATHS
@pytest.mark.parametrize("ending", ["full", "refused"])
def test_opentelemetrys_instrumentation(path, ending, traced_shop):
    stream, server = see(traced_shop, path, ending)
    assert (server.kind.name, server.parent) == ("SERVER", None)
    assert stream.status.status_code.name == "UNSET"


@PATHS
@pytest.mark.parametrize("options", [{"excluded_urls": ".*"}, {"exclude_spans": ["send"]}])
def test_what_opentelemetrys_instrumentation_excludes(path, options, traced_shop):
    stream, server = see(lambda: traced_shop(**options), path, "refused")
    assert stream.attributes["streaminstr.cancelled_by"] == "client"
    if "excluded_urls" in options:
        assert server is None
    else:
        assert server.status.status_code.name == "ERROR"


@pytest.fixture(scope="module", params=["ddtrace", "logfire"])
def traced(request):
    """The name of a tracer, and the spans of each visit: it patches, in a process of its own."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    quiet = ("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "DD_REMOTE_CONFIGURATION_ENABLED")
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(SUPPORT / "real_traced.py"), request.param],
        check=True,
        env={**os.environ, **dict.fromkeys(quiet, "false")},
        stdout=subprocess.PIPE,
        timeout=100,
    )
    return request.param, json.loads(done.stdout)


KINDS = pytest.mark.parametrize("kind", ["stream", "sse"])
ENDINGS = pytest.mark.parametrize("ending", ["full", "waits", "refused"])


def tree(spans):
    """The span of the stream, that of the request or None, the parents of what the body does."""
    (stream,) = (span for span in spans if span["outcome"])
    others = [span for span in spans if span is not stream and span["name"] != "note"]
    return stream, *(others or [None]), {s["parent"] for s in spans if s["name"] == "note"}


@KINDS
@ENDINGS
def test_a_tracer_that_patches_has_one_stream_below_its_request(traced, kind, ending):
    stream, request, inside = tree(traced[1][f"{kind} {ending}"])
    assert (stream["parent"], request["parent"]) == (request["id"], None)
    assert inside == {stream["id"]}
    assert stream["outcome"] == ("completed" if ending == "full" else "cancelled")
    assert stream["cancelled_by"] == (None if ending == "full" else "client")
    assert (stream["error"], request["error"]) == (False, ending == "refused")


@KINDS
@ENDINGS
def test_a_departure_can_be_kept_out_of_its_errors(traced, kind, ending):
    """With ddtrace by a filter of whole traces, with logfire by leaving the requests out."""
    name, visits = traced
    stream, request, inside = tree(visits[f"{kind} {ending} excluded"])
    assert inside == {stream["id"]}
    assert request is None if name == "logfire" else not request["error"]
    assert stream["parent"] == (request and request["id"])
