"""Run by tests/backends/test_bridge.py in a process of its own: OpenTelemetry over ddtrace."""

import json
import logging

import ddtrace.auto  # noqa: F401 - what DD_TRACE_OTEL_ENABLED needs
from opentelemetry import trace

import streaminstr
from wire_memory_datadog import Datadog, wire_form

complaints = []


class Collect(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())


def failing():
    with trace.get_tracer("body").start_as_current_span("step"):
        yield b"one"
    raise ValueError


def main():
    logging.getLogger("opentelemetry").addHandler(Collect())
    logging.getLogger("streaminstr").addHandler(Collect())
    vendor = Datadog()
    tracer = trace.get_tracer("request")
    for name, parent in (("child_of_request", "child"), ("linked", "link")):
        streaminstr.configure("opentelemetry", parent=parent, log_levels={"failed": None})
        with tracer.start_as_current_span("request"):
            body = streaminstr.stream(failing(), name=name)
        try:
            list(body)
        except ValueError:
            complaints.extend(["current"] if trace.get_current_span().is_recording() else [])
    print(json.dumps([[wire_form(span) for span in vendor.raw], complaints]))  # noqa: T201


main()
