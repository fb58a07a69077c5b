"""What the demo prints: a table of streams, and each request's tree of spans as a waterfall."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streaminstr import attributes as names
from streaminstr.demo.visits import NEVER_READ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streaminstr.demo.lines import Line
    from streaminstr.demo.spans import Span
    from streaminstr.demo.visits import Visit
    from streaminstr.types import Attribute

COLUMNS = (
    "on",
    "stream",
    "outcome",
    ">chunks",
    ">bytes",
    ">first",
    ">gap",
    ">body",
    ">wait",
)
LEGEND = """\
  in milliseconds: first, to the first chunk; gap, the longest between two;
  body, at work; wait, between its steps, for the server and the client"""
_COUNTS = (names.CHUNKS, names.BYTES)
_TIMES = (names.TIME_TO_FIRST_CHUNK, names.LONGEST_GAP, names.PRODUCER_TIME, names.CONSUMER_TIME)
BAR = 30
"""Width of a waterfall, in characters."""
_WIDTH = 80
_WHOLE = 99.95
"""Milliseconds from which on there is no decimal."""
_INDENT = " " * 13
"""What stands before the text of a log line, and before the lines that it goes on in."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What was recorded of one visit."""

    visit: Visit
    spans: Sequence[Span]
    lines: Sequence[Line]
    without: str = ""
    """What there would have been to see without the library."""

    @property
    def stream(self) -> Span | None:
        """The stream's span, or None when its body was never stepped."""
        return next((span for span in self.spans if names.OUTCOME in span.attributes), None)

    @property
    def outcome(self) -> str:
        return NEVER_READ if self.stream is None else str(_of(self.stream, names.OUTCOME))

    @property
    def ending(self) -> str:
        """The outcome, with who or what has caused it where that is known."""
        own = {} if self.stream is None else self.stream.attributes
        by = f" by {own[names.CANCELLED_BY]}" if names.CANCELLED_BY in own else ""
        error = f" with {own[names.ERROR_TYPE]}" if names.ERROR_TYPE in own else ""
        return f"{self.outcome}{by}{error}"

    def row(self) -> tuple[str, ...]:
        """The cells of the table's row."""
        server, stream = self.visit.server, self.stream
        if stream is None:
            return (server, f"GET {self.visit.path[1:]}", NEVER_READ, *("-" for _ in COLUMNS[3:]))
        by = _of(stream, names.CANCELLED_BY)
        return (
            server,
            stream.name,
            self.outcome if by is None else f"{self.outcome} by {by}",
            *(str(int(_number(stream, name))) for name in _COUNTS),
            *(_milliseconds(stream, name) for name in _TIMES),
        )

    def waterfall(self) -> Iterator[str]:
        """The tree of spans against time, what the stream has counted, and the log lines below."""
        begin = min((span.started_ns for span in self.spans), default=0)
        end = max((span.ended_ns for span in self.spans), default=0)
        yield f"{self.visit.request_id}: {self.ending}"
        if self.without:
            yield f"  the client {self.visit.deed}"
            yield f"  without streaminstr: {self.without}"
        for depth, span in tree(self.spans):
            name = "  " * depth + span.name
            yield f"  {name:<24.24} |{_bar(span, begin, end)}| {_since(begin, span.started_ns)}"
        for fact in self.facts():
            yield _INDENT + fact
        for line in self.lines:
            text = f"  {_since(begin, line.at_ns)}  {line}"
            yield textwrap.fill(text, _WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False)

    def facts(self) -> Iterator[str]:
        """What the stream counted beside its chunks: events, moments and sums."""
        span = self.stream
        if span is None:
            return
        if names.EVENTS in span.attributes:
            counts = (
                f"{_number(span, names.EVENTS):.0f} events, {_number(span, names.PINGS):.0f} pings"
            )
            yield f"{counts}, first event after {_milliseconds(span, names.TIME_TO_FIRST_EVENT)} ms"
        for name in sorted(span.attributes):
            if name.startswith(names.MARK):
                yield f"{name.removeprefix(names.MARK)} after {_milliseconds(span, name)} ms"
            if name.startswith(names.RATE):
                own = name.removeprefix(names.RATE)
                yield f"{own} {_number(span, own):.0f}, {_number(span, name):.1f} /s"


def traces(
    visits: Iterable[Visit],
    spans: Sequence[Span],
    lines: Sequence[Line],
    without: Mapping[str, str] | None = None,
) -> list[Trace]:
    """Sort what was recorded by the visits that it belongs to; `without` is by request id."""
    return [
        Trace(
            visit,
            list(_belonging(visit, spans)),
            [line for line in lines if line.request_id == visit.request_id],
            (without or {}).get(visit.request_id, ""),
        )
        for visit in visits
    ]


def tree(spans: Iterable[Span], parent: str | None = None) -> Iterator[tuple[int, Span]]:
    """Spans in the order of their beginnings, each with its depth, parents before children."""
    listed = sorted(spans, key=lambda span: span.started_ns)
    for span in listed:
        if span.parent_id == parent:
            yield 0, span
            for depth, child in tree(listed, span.span_id):
                yield depth + 1, child


def _belonging(visit: Visit, spans: Sequence[Span]) -> Iterator[Span]:
    ids = {span.trace_id for span in spans if span.attributes.get("request_id") == visit.request_id}
    return (span for span in spans if span.trace_id in ids)


def _of(span: Span, name: str) -> Attribute | None:
    return span.attributes.get(name)


def _number(span: Span, name: str) -> float:
    return float(span.attributes.get(name, 0))


def _milliseconds(span: Span, name: str) -> str:
    if name not in span.attributes:
        return "-"
    shown = _number(span, name) * 1000
    return f"{shown:.1f}" if shown < _WHOLE else f"{shown:.0f}"


def _bar(span: Span, begin: int, end: int) -> str:
    scale = BAR / max(end - begin, 1)
    left = min(int((span.started_ns - begin) * scale), BAR - 1)
    width = max(round((span.ended_ns - span.started_ns) * scale), 1)
    return f"{' ' * left}{'=' * width}"[:BAR].ljust(BAR)


def _since(begin: int, moment: int) -> str:
    return f"{(moment - begin) / 1e6:6.1f} ms"
