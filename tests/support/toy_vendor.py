"""The smallest vendor that keeps every promise: to be copied and broken."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

from streaminstr.testing import BackendContract, SpanView
from streaminstr.types import NotNow

current = ContextVar("toy.current", default=None)
numbers = count(1)


@dataclass(eq=False)
class ToySpan:
    name: str
    parent: "ToySpan | None"
    links: tuple["ToySpan", ...] = ()
    start_ns: int = 0
    attributes: dict = field(default_factory=dict)
    is_error: bool = False
    exceptions: list = field(default_factory=list)

    def __post_init__(self):
        self.span_id = f"span-{next(numbers)}"
        self.trace_id = self.parent.trace_id if self.parent else f"trace-of-{self.span_id}"

    def view(self):
        return SpanView(
            name=self.name,
            span_id=self.span_id,
            trace_id=self.trace_id,
            parent_id=self.parent and self.parent.span_id,
            links=tuple(span.span_id for span in self.links if span),
            start_ns=self.start_ns,
            attributes=self.attributes,
            is_error=self.is_error,
            exceptions=len(self.exceptions),
        )


class ToyScope:
    def __init__(self, backend, info):
        self.backend, self.info, self.parent = backend, info, current.get()

    def start(self):
        linked = self.info.parent == "link"
        self.span = ToySpan(
            self.info.name,
            parent=None if linked else self.parent,
            links=(self.parent,) if linked else (),
            start_ns=self.info.started_ns or time.time_ns(),
            attributes=self.info.as_attributes(),
        )
        current.set(self.span)
        return {"toy.trace": self.span.trace_id, "toy.span": self.span.span_id}

    def progress(self, report):
        self.span.attributes.update(report.as_attributes())

    def segment(self, report):
        if current.get() is not self.span:
            raise NotNow
        ended = self.span
        ended.attributes.update(report.as_attributes())
        self.backend.spans.append(ended)
        self.span = ToySpan(
            self.info.name,
            parent=ended.parent,
            links=(ended,),
            start_ns=time.time_ns(),
            attributes=self.info.as_attributes(),
        )
        current.set(self.span)
        return {"toy.trace": self.span.trace_id, "toy.span": self.span.span_id}

    def close(self, report):
        self.span.attributes.update(report.as_attributes())
        self.span.is_error |= report.is_error
        if report.error is not None:
            self.span.exceptions.append(report.error)
        self.backend.spans.append(self.span)


class ToyBackend:
    scope = ToyScope

    def __init__(self):
        self.spans = []
        self.leaked = self.newest = None

    def open(self, info):
        return self.scope(self, info)

    def flush(self, timeout):
        pass

    def trace_id(self):
        span = current.get()
        return span and sum(span.trace_id.encode())


class ToyContract(BackendContract):
    vendor = ToyBackend
    made = None

    def make_backend(self):
        self.made = self.vendor()
        return self.made

    def current_span_id(self):
        span = (self.made and self.made.leaked) or current.get()
        return span and span.span_id

    def mark_error(self):
        current.get().is_error = True

    def finished(self, backend):
        return [span.view() for span in backend.spans]
