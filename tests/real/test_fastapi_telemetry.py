"""Beside what traces FastAPI: the stream is a child of the request's span; there is one scope."""

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


@PATHS
@pytest.mark.parametrize("ending", ["full", "refused"])
def test_opentelemetrys_instrumentation(path, ending):
    fastapi = pytest.importorskip("opentelemetry.instrumentation.fastapi")

    def make():
        app = shop(OFF)
        fastapi.FastAPIInstrumentor.instrument_app(app, tracer_provider=PROVIDER)
        return app

    stream, server = see(make, path, ending)
    assert (server.kind.name, server.parent) == ("SERVER", None)
    assert stream.status.status_code.name == "UNSET"
