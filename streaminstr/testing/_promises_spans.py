"""Promises: what a span shows, and where it is in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streaminstr import attributes as names
from streaminstr import current_stream
from streaminstr.testing import _bodies as bodies
from streaminstr.testing._hooks import Hooks, needs
from streaminstr.testing._trial import Trial, later

if TYPE_CHECKING:
    from streaminstr.types import Attribute

_ATTRIBUTES: dict[str, Attribute] = {
    "shop.kind": "csv",
    "shop.rows": 3,
    "shop.ratio": 0.5,
    "shop.fresh": True,
}


class _Unprintable:
    def __str__(self) -> str:
        msg = "has no text"
        raise ValueError(msg)

    __repr__ = __str__


ODD: dict[str, Any] = {
    "huge": 10**400,
    "unprintable": _Unprintable(),
    "none": None,
    "nan": float("nan"),
    "list": [None, {}],
    "surrogate": "\ud800",
}
"""Values that are not attributes, and that applications still set."""
_MILLISECOND = 1_000_000
_HOUR = 3_600_000_000_000


class Spans(Hooks):
    """What a span shows."""

    @needs("has_start_time")
    def test_open_starts_nothing(self) -> None:
        """The span begins with the first step, and not where the stream is made."""
        with Trial(self, "open_starts_nothing") as trial:
            stream = trial.stream()
            creation = later()
            list(stream)
        began = trial.span().start_ns or 0
        trial.check(
            began > creation,
            "the span began where the stream was made. Start it in start(), not in open().",
        )

    @needs("has_start_time")
    def test_dated_back(self) -> None:
        """The span begins at `info.started_ns` where that is given."""
        with Trial(self, "dated_back") as trial:
            started = later() - _HOUR
            list(trial.stream(started_ns=started))
        began = trial.span().start_ns or 0
        trial.check(
            abs(began - started) <= _MILLISECOND,
            "the span does not begin at info.started_ns. Hand it to the vendor in start(), "
            "unless it is None.",
        )

    def test_attributes(self) -> None:
        """The stream's attributes, those that it was made with and those that its body has set."""
        own: dict[str, Attribute] = {f"{name}_set": value for name, value in _ATTRIBUTES.items()}
        with Trial(self, "attributes") as trial:
            list(trial.stream(bodies.describing(own), attributes=_ATTRIBUTES))
        span = trial.span()
        trial.check_attributes(span, _ATTRIBUTES, "info.as_attributes() in start()")
        trial.check_attributes(span, own)

    def test_stream_id(self) -> None:
        """The id of the stream, which its log events carry too, on its span alone."""
        ids: list[str] = []
        with Trial(self, "stream_id") as trial:
            for name in ("promised", "other"):
                list(
                    trial.stream(bodies.around(lambda: ids.append(current_stream().id)), name=name)
                )
        for name, stream_id in zip(("promised", "other"), ids, strict=True):
            expected = {names.STREAM_ID: stream_id}
            trial.check_attributes(trial.span(name), expected, "info.as_attributes() in start()")

    def test_odd_attributes(self) -> None:
        """An attribute that the vendor cannot take loses neither the span nor the others."""
        with Trial(self, "odd_attributes") as trial:
            for name, value in ODD.items():
                body = bodies.describing({"shop.odd_set": value, **_ATTRIBUTES})
                attributes = {"shop.odd": value, "shop.kind": "csv"}
                list(trial.stream(body, name=name, attributes=attributes))
        for name in ODD:
            span = trial.span(name)
            trial.check_attributes(span, _ATTRIBUTES)
            trial.check_attributes(span, {names.OUTCOME: "completed"})

    def test_numbers(self) -> None:
        """The numbers of the stream."""
        with Trial(self, "numbers") as trial:
            list(trial.stream())
        trial.check_attributes(trial.span(), trial.observer.reports[0].as_attributes())

    @needs("has_exceptions")
    def test_exception_recorded_once(self) -> None:
        """The exception of a failed stream, once, and none of a stream that was cancelled."""
        with Trial(self, "exception_recorded_once") as trial:
            bodies.drain(trial.stream(bodies.failing()))
            stream = trial.stream(name="cancelled")
            next(stream)
            stream.close()
        counts = trial.span().exceptions, trial.span("cancelled").exceptions
        trial.check(
            counts == (1, 0),
            f"{counts[0]} exceptions are recorded for a stream that failed, {counts[1]} for one "
            "that was cancelled. Record report.error in close(), once, unless it is None.",
        )

    @needs("has_log_fields")
    def test_log_fields(self) -> None:
        """Inside a step, the log fields of the stream hold the ids of its span."""
        seen: list[dict[str, Any]] = []
        with Trial(self, "log_fields") as trial:
            list(trial.stream(bodies.looking(bodies.fields, seen, [])))
        span = trial.span()
        values = {str(value) for value in seen[0].values()}
        trial.check(
            {span.span_id, span.trace_id} <= values - {""},
            f"the log fields are {seen[0]!r}, and the span has the ids {span.trace_id!r} and "
            f"{span.span_id!r}. Return the trace id and span id from start().",
        )

    @needs("has_parents")
    def test_nested(self) -> None:
        """A stream that is made in the step of another is its child."""
        with Trial(self, "nested") as trial:
            list(trial.stream(bodies.around(lambda: list(trial.stream(name="inner")))))
        trial.check_parent("inner", "promised")

    @needs("has_parents")
    def test_parent_finished_first(self) -> None:
        """The same when the other has ended before its first step."""
        inner: list[Any] = []
        with Trial(self, "parent_finished_first") as trial:
            list(trial.stream(bodies.around(lambda: inner.append(trial.stream(name="inner")))))
            list(inner.pop())
        trial.check_parent("inner", "promised")

    @needs("has_links")
    def test_link(self) -> None:
        """With `parent="link"` it has a trace of its own, which is linked."""
        with Trial(self, "link", parent="link") as trial:
            list(trial.stream(bodies.around(lambda: list(trial.stream(name="inner")))))
        outer, inner = trial.span(), trial.span("inner")
        trial.check(
            inner.parent_id is None
            and inner.trace_id != outer.trace_id
            and outer.span_id in inner.links,
            f'info.parent is "link", and the span has parent {inner.parent_id!r} and links '
            f"{inner.links!r} in the {'same' if inner.trace_id == outer.trace_id else 'new'} "
            "trace. Start a root span, and link it to the one that is current in open(); "
            "finished() fills in SpanView.links.",
        )
