"""What writes down what happens to the streams of a real server's site, and what is current there.

STREAMINSTR_RECORD names the file for that: one JSON object a line, appended in one write each, so
that processes and threads do not mix. With it set, the spans of both vendors and what is logged are
written down, too.
"""

from __future__ import annotations

import json
import os
import time
from contextvars import ContextVar

from streaminstr import current_stream

bound: ContextVar[str | None] = ContextVar("bound", default=None)
"""What a body binds for itself."""


class RecordBackend:
    """Appends a line for each thing that happens to a stream."""

    def open(self, info):
        return RecordScope(info)


class RecordScope:
    def __init__(self, info):
        self.path = info.attributes["url.path"]

    def start(self):
        write("start", "record", self.path)
        return {}

    def close(self, report):
        write("close", "record", self.path, report.as_attributes())


def write(event, backend, path, attributes=None):
    """One line: what happened to the stream of this path, as one backend saw it."""
    line = {"event": event, "backend": backend, "path": path, "at": time.monotonic()}
    for name, value in (attributes or {}).items():
        line[name.removeprefix("streaminstr.")] = value
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    file = os.open(os.environ["STREAMINSTR_RECORD"], flags, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


def record_opentelemetry():
    """Have each span of OpenTelemetry written down as it ends."""
    from opentelemetry import trace  # noqa: PLC0415 - the quick tests do without
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415

    class Writer(SpanProcessor):
        def on_end(self, span):
            write("close", "opentelemetry", span.attributes["url.path"], span.attributes)

    provider = TracerProvider()
    provider.add_span_processor(Writer())
    trace.set_tracer_provider(provider)


def record_ddtrace():
    """Have each span of ddtrace written down as its trace ends, and nothing sent to an agent."""
    from ddtrace.trace import TraceFilter, tracer  # noqa: PLC0415 - the quick tests do without

    class Writer(TraceFilter):
        def process_trace(self, trace):
            for span in trace:
                tags = {**span.get_tags(), **span.get_metrics()}
                write("close", "ddtrace", tags["url.path"], tags)

    tracer.configure(trace_processors=[Writer()])


def record_log():
    """Have the lines of the log written down in place of being printed."""
    import structlog  # noqa: PLC0415 - the quick tests configure it themselves

    def keep(logger, level, line):
        event = line.pop("event")
        if event == "stream_closed":
            write("close", "log", line["url.path"], line)
        elif "path" in line:
            write("log", "log", line.pop("path"), {**line, "said": event})
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])


def current_paths():
    """The paths of what the library and each vendor have current here."""
    from ddtrace.trace import tracer  # noqa: PLC0415 - see above
    from opentelemetry import trace  # noqa: PLC0415 - see above

    stream, span, other = current_stream(), trace.get_current_span(), tracer.current_span()
    found = [
        bound.get(),
        stream.info.attributes["url.path"] if stream else None,
        span.attributes["url.path"] if span.is_recording() else None,
        other.get_tag("url.path") if other else None,
    ]
    return [path for path in found if path is not None]


def look(path):
    """Write down what a body has left current in the server's code."""
    if left := current_paths():
        write("leak", "record", path, {"left": left})


def watched_asgi(app):
    """`app` for a server that looks what is current as it sends."""

    async def call(scope, receive, send):
        async def look_and_send(message):
            look(scope["path"])
            await send(message)

        is_watched = "/isolated" in scope.get("path", "")
        await app(scope, receive, look_and_send if is_watched else send)

    return call


def watched_wsgi(app):
    """The same under WSGI: between two chunks."""

    def call(environ, start_response):
        body = app(environ, start_response)
        return looking(body, environ["PATH_INFO"]) if "/isolated" in environ["PATH_INFO"] else body

    def looking(body, path):
        try:
            for chunk in body:
                look(path)
                yield chunk
        finally:
            body.close()

    return call


BACKENDS = ["server_record.RecordBackend"]
LEVELS = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
if "STREAMINSTR_RECORD" in os.environ:
    record_opentelemetry()
    record_ddtrace()
    record_log()
    BACKENDS += ["opentelemetry", "ddtrace"]
    LEVELS = dict.fromkeys(LEVELS, "info")
