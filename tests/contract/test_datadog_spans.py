"""The fixture `datadog_spans`: the spans that ddtrace has finished in a test."""

from ddtrace.trace import tracer

import streaminstr
from streaminstr._configure import build, forced
from streaminstr.testing.plugin import datadog_spans
from streaminstr_ddtrace import DatadogBackend

__all__ = ["datadog_spans"]


def chunks():
    yield b"one"


def test_datadog_spans_are_captured(datadog_spans):
    with forced(build(DatadogBackend())), tracer.trace("request"):
        list(streaminstr.stream(chunks(), name="orders"))
    assert [span.resource for span in datadog_spans] == ["request", "orders"]
    assert datadog_spans[1].parent_id == datadog_spans[0].span_id
