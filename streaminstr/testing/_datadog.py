"""Finished ddtrace spans for tests, by ddtrace's public API alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ddtrace.trace import TraceFilter, tracer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ddtrace.trace import Span


class Capture(TraceFilter):
    """Keeps the spans of each finished trace, and lets none go on to the agent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def process_trace(self, trace: list[Span]) -> None:
        self.spans += trace


@contextmanager
def captured_spans() -> Iterator[list[Span]]:
    """Put the spans that finish inside the block into the list that it yields."""
    capture = Capture()
    tracer.configure(trace_processors=[capture])
    try:
        yield capture.spans
    finally:
        tracer.configure(trace_processors=[])
