"""A process in which ddtrace has patched structlog and logging. Prints each line as JSON.

`step` and `child` are of a body, the second within a span of its own; `elsewhere` and `after` come
from the stream's own logger when the stream has ended, the first within another span. `record`
says what standard logging's record has.
"""

import json
import logging

import ddtrace

ddtrace.patch(structlog=True, logging=True)

import structlog  # noqa: E402
from ddtrace.trace import TraceFilter, tracer  # noqa: E402

import streaminstr  # noqa: E402 - after the patch, as with ddtrace-run
from streaminstr.log import StreamFilter  # noqa: E402


class Drop(TraceFilter):
    """Lets nothing go on to the writer."""

    def process_trace(self, trace):
        pass


class Print(logging.Handler):
    """One JSON object for each record of the test's."""

    def emit(self, record):
        line = json.loads(record.getMessage())
        ids = {key: value for key, value in vars(record).items() if key.startswith("dd.")}
        print(json.dumps({**line, "record": ids}))  # noqa: T201 - the test reads it


tracer.configure(trace_processors=[Drop()])
handler = Print()
handler.addFilter(StreamFilter())
for name in ("site", "streaminstr"):
    logging.getLogger(name).addHandler(handler)
    logging.getLogger(name).setLevel(logging.INFO)
structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
    logger_factory=structlog.stdlib.LoggerFactory(),
)
streaminstr.configure(backend="ddtrace")
log = structlog.get_logger("site")


def body():
    log.info("step")
    own = streaminstr.current_stream().logger
    own.info("own")
    with tracer.trace("child"):
        log.info("child")
        own.info("own child")
    yield own


(kept,) = streaminstr.stream(body(), name="orders.export")
with tracer.trace("another"):
    kept.info("elsewhere")
kept.info("after")
log.info("outside")
