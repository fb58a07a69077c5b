"""Promises: a stream that is cut into segments. A scope without `segment` makes none of them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import pytest

from streaminstr import attributes as names
from streaminstr.testing import _bodies as bodies
from streaminstr.testing._hooks import Hooks, needs
from streaminstr.testing._trial import Trial, cut
from streaminstr.testing._views import SpanView
from streaminstr.types import Outcome, StreamInfo, StreamReport

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADVICE = "End the span in segment(), start the next one there, and end that one in close()."


class Segments(Hooks):
    """Two spans of one stream that is cut once, after its first chunk."""

    def test_segments(self) -> None:
        """Each segment has its number, the first its own numbers, the last those of the stream."""
        with Trial(self, "segments", segment_interval=inf) as trial:
            _cut_once(trial.stream())
        first, last = _two(trial)
        source = "report.as_attributes(), all of it, in segment()"
        trial.check_attributes(first, {names.SEGMENT: 0, names.CHUNKS: 1}, source)
        trial.check(
            names.OUTCOME not in first.attributes,
            "the first segment has an outcome, and the stream has not ended. "
            f"Put {source} on the span.",
        )
        ended = {names.SEGMENT: 1, names.CHUNKS: 3, names.OUTCOME: Outcome.COMPLETED.value}
        trial.check_attributes(last, ended)

    @needs("has_parents")
    def test_segment_parent(self) -> None:
        """All segments are in the stream's trace, under the same parent."""
        with Trial(self, "segment_parent", segment_interval=inf) as trial:
            outer = trial.stream(bodies.around(lambda: _cut_once(trial.stream())), name="outer")
            list(outer)
        first, last = _two(trial)
        trial.check(
            (last.parent_id, last.trace_id) == (first.parent_id, first.trace_id),
            f"the second segment has the parent {last.parent_id!r} in the trace "
            f"{last.trace_id!r}, and the first {first.parent_id!r} in {first.trace_id!r}. "
            "Keep the ids of the parent, and start each segment's span under it.",
        )

    @needs("has_links")
    def test_segment_link(self) -> None:
        """Each segment is linked to the one before it."""
        with Trial(self, "segment_link", segment_interval=inf) as trial:
            _cut_once(trial.stream())
        first, last = _two(trial)
        trial.check(
            last.links == (first.span_id,),
            f"the second segment is linked to {last.links}, and the first is {first.span_id!r}. "
            "Link the span that starts in segment() to the one that ends there; SpanView.links has "
            "the ids.",
        )

    @needs("has_current_span")
    def test_segment_current(self) -> None:
        """In the steps after the cut, and in the clean-up, the new span is current."""
        seen: list[Any] = []
        with Trial(self, "segment_current", segment_interval=inf) as trial:
            _cut_once(trial.stream(bodies.looking(self.current_span_id, seen, seen)))
        first, last = _two(trial)
        trial.check(
            seen == [first.span_id, *[last.span_id] * 3],
            f"current in its steps and clean-up were the spans {seen}, and the segments are "
            f"{first.span_id!r} and then {last.span_id!r}. Make the new span current in segment().",
        )

    @needs("has_log_fields")
    def test_segment_log_fields(self) -> None:
        """Log lines of the steps after the cut have the ids of the new span."""
        seen: list[Any] = []
        with Trial(self, "segment_log_fields", segment_interval=inf) as trial:
            _cut_once(trial.stream(bodies.looking(bodies.fields, seen, [])))
        for segment, fields in zip(_two(trial), seen, strict=False):
            trial.check(
                segment.span_id in map(str, fields.values()),
                f"the log lines of a segment with the span {segment.span_id!r} have {fields}. "
                "Return its ids from segment(), as from start().",
            )

    @needs("has_current_span")
    def test_segment_not_now(self) -> None:
        """While the body holds a span of its own across a step, the stream is not cut."""
        with Trial(self, "segment_not_now", segment_interval=inf) as trial:
            _cut_once(trial.stream(_holding_a_span(trial)))
        spans = [span for span in trial.finished() if span.name == "promised"]
        trial.check(
            len(spans) == 1,
            f"{len(spans)} spans have finished for a stream whose body held a span of its own when "
            "segment() was called. Raise streaminstr.types.NotNow where the span that is current "
            "is not the scope's own, and do nothing else.",
        )


def _holding_a_span(trial: Trial) -> Iterator[bytes]:
    """A body with a span of its vendor's that is current across its steps."""
    info = StreamInfo(name="held", attributes={}, parent="child", started_ns=None, stream_id="held")
    scopes = [scope for one in trial.backends if (scope := one.open(info)) is not None]
    for scope in scopes:
        scope.start()
    yield from (b"one", b"two", b"three")
    report = StreamReport(outcome=Outcome.COMPLETED, cancelled_by=None, error=None, is_error=False)
    for scope in scopes:
        scope.close(report)


def _cut_once(stream: Any) -> None:
    next(stream)
    if not cut(stream):
        pytest.skip("the scope has no segment(), which may be left out")
    list(stream)


def _two(trial: Trial) -> tuple[SpanView, SpanView]:
    if not trial.contract.can_read_back:
        return SpanView(name="promised"), SpanView(name="promised")
    spans = [span for span in trial.finished() if span.name == "promised"]
    trial.check(
        len(spans) == 2,  # noqa: PLR2004 - the two segments
        f"{len(spans)} spans have finished for a stream that was cut once. {_ADVICE}",
    )
    return spans[0], spans[1]
