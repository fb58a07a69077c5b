"""Beside the vendors' own log injection: no field has two values on one line."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from coverage import Coverage
from opentelemetry.trace import format_span_id, get_current_span

import log_vendors
import streaminstr
from command_runs import MEASURED
from log_lines import LINES, in_mode, keep, line
from log_site import in_thread
from streaminstr import _configure
from streaminstr.log import structured as ours

INJECTED = Path(__file__).parents[1] / "support" / "log_injected.py"
UNIFIED = {"DD_SERVICE": "shop", "DD_ENV": "test", "DD_VERSION": "1.2"}


@pytest.fixture(scope="module", params=["true", "false"])
def injected(request):
    """The lines of a process that ddtrace has patched, by event."""
    environment = {**os.environ, **UNIFIED, "DD_LOGS_INJECTION": request.param}
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, *(MEASURED if Coverage.current() else ()), INJECTED],
        env=environment,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["event"]: line for line in found}


def ids(line):
    return {name: value for name, value in line.items() if name.startswith("dd.")}


@pytest.mark.parametrize("event", ["step", "own", "stream_closed", "elsewhere", "after"])
def test_each_line_of_a_stream_has_its_ids_also_when_its_span_has_finished(injected, event):
    assert ids(injected[event]) == ids(injected["step"])
    assert ids(injected[event]).items() >= {
        ("dd.service", "shop"),
        ("dd.env", "test"),
        ("dd.version", "1.2"),
    }


def test_record_and_line_agree_wherever_they_come_from(injected):
    streams_own = [line for event, line in injected.items() if event != "outside"]
    assert [line["record"] for line in streams_own] == [ids(line) for line in streams_own]


def test_the_ids_are_in_the_forms_of_the_injection(injected):
    found = ids(injected["step"])
    assert found["dd.span_id"].isdecimal()
    assert len(bytes.fromhex(found["dd.trace_id"])) == 16


def test_a_line_outside_has_nothing_of_the_stream(injected):
    assert ids(injected["step"])["dd.span_id"] not in repr(injected["outside"])


def ended_stream():
    """A stream's own logger, when the stream has ended, and the id of its span."""

    def body():
        yield streaminstr.current_stream().logger

    with log_vendors.opentelemetry() as (backend, finished):
        with _configure.forced(_configure.build(backend, log_levels={"completed": None})):
            (logger,) = streaminstr.stream(body(), name="n")
        return logger, finished()[0]["span_id"]


@pytest.fixture(params=[True, False])
def standard(request, monkeypatch):
    """A stream's own logger, which ends in standard logging, with structlog and without."""
    if request.param:
        structlog.configure(
            processors=[structlog.stdlib.render_to_log_kwargs],
            logger_factory=structlog.stdlib.LoggerFactory(),
        )
    else:
        monkeypatch.setitem(sys.modules, "structlog", None)
        monkeypatch.setitem(sys.modules, "structlog.threadlocal", None)
        ours.installed.cache_clear()
    yield ended_stream()
    ours.installed.cache_clear()


def test_what_asks_for_the_current_span_is_told_the_streams_also_on_another_thread(
    standard, caplog
):
    """As OpenTelemetry's logging instrumentation and its handler do."""

    def factory(*args, **kwargs):
        record = before(*args, **kwargs)
        record.otelSpanID = format_span_id(get_current_span().get_span_context().span_id)
        return record

    logger, span_id = standard
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(factory)
    try:
        in_thread(logger.error, "line")
    finally:
        logging.setLogRecordFactory(before)
    (record,) = caplog.records
    assert record.otelSpanID == record.span_id == span_id


def no_span(logger, method, event):
    """What ddtrace puts first into the chain, where its span has finished."""
    return {**event, "dd.span_id": "0"}


class Datadog:
    """Gives the fields that ddtrace gives."""

    def open(self, info):
        return self

    def start(self):
        return {"dd.span_id": "1"}

    def close(self, report):
        pass


@pytest.mark.parametrize(("is_loaded", "ids"), [(True, ["0", "1", "1"]), (False, ["0", "0", "0"])])
def test_what_a_structlog_patched_by_ddtrace_has_forgotten_is_put_back(monkeypatch, is_loaded, ids):
    @streaminstr.streamed("n", pass_stream=True)
    def view(stream):
        stream.logger.info("before")
        return (stream.logger.info("within") for _ in "a")

    monkeypatch.setattr(no_span, "__module__", "ddtrace.contrib")
    monkeypatch.setitem(sys.modules, "ddtrace", None)
    if not is_loaded:
        monkeypatch.delitem(sys.modules, "ddtrace")
    in_mode("contextvars")
    structlog.configure(processors=[no_span, keep])
    with _configure.forced(_configure.build(Datadog())):
        list(view())
    assert [each["dd.span_id"] for each in LINES] == ids
    assert line("stream_closed")["stream"] == "n"
