"""FastAPI under a tracer that patches it, in a process of its own; prints the spans of each visit.

python real_traced.py ddtrace|logfire
"""

from __future__ import annotations

import json
import sys

ENDINGS = ("full", "waits", "refused")
KINDS = ("stream", "sse")
SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))


class Datadog:
    """ddtrace; of what is excluded it forgets the error."""

    backend = "ddtrace"

    def __init__(self):
        import ddtrace  # noqa: PLC0415 - one vendor alone is in a process
        from ddtrace.trace import TraceFilter, tracer  # noqa: PLC0415

        spans = self.spans = []

        class Departures(TraceFilter):
            """A request whose stream was cancelled by its client is no error."""

            is_on = False

            def process_trace(self, trace):
                if self.is_on and any(
                    span.get_tag("streaminstr.cancelled_by") == "client" for span in trace
                ):
                    for span in trace:
                        if span.name in {"fastapi.request", "starlette.request"}:
                            span.error = 0
                return trace

        class Keeper(TraceFilter):
            def process_trace(self, trace):
                spans.extend(map(shown, trace))

        def shown(span):
            return {
                "name": span.name,
                "id": span.span_id,
                "parent": span.parent_id or None,
                "error": bool(span.error),
                "outcome": span.get_tag("streaminstr.outcome"),
                "cancelled_by": span.get_tag("streaminstr.cancelled_by"),
            }

        self.departures = Departures()
        tracer.configure(trace_processors=[self.departures, Keeper()])
        ddtrace.patch(starlette=True, fastapi=True)
        self._tracer = tracer

    def note(self):
        with self._tracer.trace("note"):
            pass

    def instrument(self, app, *, excluded):
        self.departures.is_on = excluded


class Logfire:
    """logfire, whose instrumentation of FastAPI is OpenTelemetry's."""

    backend = "opentelemetry"

    def __init__(self):
        import logfire  # noqa: PLC0415 - one vendor alone is in a process
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter  # noqa: PLC0415

        spans = self.spans = []

        class Keeper(SpanExporter):
            def export(self, ended):
                spans.extend(map(shown, ended))

        def shown(span):
            return {
                "name": span.name,
                "id": span.context.span_id,
                "parent": span.parent and span.parent.span_id,
                "error": span.status.status_code.name == "ERROR",
                "outcome": span.attributes.get("streaminstr.outcome"),
                "cancelled_by": span.attributes.get("streaminstr.cancelled_by"),
            }

        self._logfire = logfire
        logfire.configure(
            send_to_logfire=False,
            console=False,
            additional_span_processors=[SimpleSpanProcessor(Keeper())],
        )

    def note(self):
        with self._logfire.span("note"):
            pass

    def instrument(self, app, *, excluded):
        self._logfire.instrument_fastapi(app, excluded_urls=".*" if excluded else None)


def shop(vendor):
    from fastapi import FastAPI  # noqa: PLC0415 - after the vendor
    from fastapi.responses import EventSourceResponse, StreamingResponse  # noqa: PLC0415

    from real_bodies import Turn  # noqa: PLC0415

    async def lines(ending: str):
        turn = Turn(ending)
        for number in range(4):
            vendor.note()
            yield f"{number}\n"
            await turn.anext()

    async def stream(ending: str):
        return StreamingResponse(lines(ending))

    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    app.get("/stream/{ending}")(stream)
    app.get("/sse/{ending}", response_class=EventSourceResponse)(lines)
    return app


def main(name):
    vendor = {"ddtrace": Datadog, "logfire": Logfire}[name]()
    import streaminstr  # noqa: PLC0415 - after the vendor
    from real_seen import trouble  # noqa: PLC0415
    from real_visit import AsgiVisit  # noqa: PLC0415
    from streaminstr.starlette import instrument  # noqa: PLC0415

    streaminstr.configure(backend=vendor.backend, log_levels=SILENT)
    found = {}
    for excluded in (False, True):
        app = shop(vendor)
        vendor.instrument(app, excluded=excluded)
        instrument(app)
        for kind in KINDS:
            for ending in ENDINGS:
                vendor.spans.clear()
                with trouble() as log:
                    AsgiVisit(ending).run(app, f"/{kind}/{ending}", log)
                key = f"{kind} {ending}{' excluded' if excluded else ''}"
                found[key] = vendor.spans.copy()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
