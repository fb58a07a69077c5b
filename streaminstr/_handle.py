"""What a body can say of its own stream: that it failed, marks in time, and sums."""

from __future__ import annotations

import math
import sys
from threading import RLock
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr import _stopping
from streaminstr._calls.guard import guarded, log_once, logger
from streaminstr._core.handle import StreamHandle
from streaminstr._events import EventCounter
from streaminstr._texts import PLAIN
from streaminstr.log.logger import stream_logger
from streaminstr.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from streaminstr._events import Counter
    from streaminstr._texts import Texts
    from streaminstr.types import Attribute, StreamInfo, StreamReport, Turn

    Advance = Callable[[Any], Any]
    Prelude = Callable[["Handle", Advance], Advance]

strict = False
"""Whether a wrong call raises: in tests. In a running body it is reported, and the body goes on."""

_noting = RLock()  # the garbage collector may end a stream in the thread that holds it
_LARGEST = 1e300
"""Sums stay below what a float can hold."""
_NOTICEABLE = 0.1
"""Seconds under which no one is called a bottleneck."""


class Notes(NamedTuple):
    """What a body has noted so far. It is replaced as a whole, so any thread may read it."""

    marks: Mapping[str, float] = NOTHING
    sums: Mapping[str, int | float] = NOTHING
    rates: frozenset[str] = frozenset()
    """Names of the sums that are rates, too."""


_NO_NOTES = Notes()


class Handle(StreamHandle):
    """The handle of a stream, with what its body says. Usable in any thread of the stream."""

    __slots__ = (
        *("_logger", "_notes", "_upstream", "counter", "may_append", "named", "prelude"),
        *("reader", "says_kind", "texts", "then"),
    )

    def __init__(self, info: StreamInfo) -> None:
        super().__init__(info)
        self.named = False
        """Whether the application named it; else its name is that of what made the body."""
        self._logger: Any = None
        self._notes = _NO_NOTES
        self.reader: StreamHandle | None = None
        """The handle of the stream in whose step this one took its first step."""
        self._upstream: float | None = None
        """Seconds that streams which the body reads have spent in their steps."""
        self.counter: Counter | None = None
        """What counts events and gaps, and knows the end markers of the body."""
        self.says_kind = False
        """Whether the application said what its body is; else a response may say it."""
        self.may_append = False
        """Whether the body is a response's that may be longer than the application has made it."""
        self.texts: Texts = PLAIN
        """Which texts of it the backends have."""
        self.prelude: Prelude | None = None
        """What an adapter does before the first step. Takes the handle, so as not to hold it."""
        self.then: Callable[[], None] | None = None
        """What the adapter has to do as soon as the stream has ended."""

    def __bool__(self) -> bool:
        return True

    @property
    def id(self) -> str:
        """16 random hex digits, the same on the span and all log events."""
        return self.info.stream_id

    @property
    def logger(self) -> Any:
        """An immutable logger with the request's bindings, the stream's name and the span's ids.

        A structlog bound logger where structlog is installed, else a `logging.LoggerAdapter`.
        """
        if self._logger is None:
            self._logger = stream_logger(self)
        return self._logger

    @property
    def fields(self) -> Mapping[str, Attribute]:
        """What log lines of this stream carry, from its first step on: the ids of its span."""
        # Made by the stream alone: another thread may look while the first step makes it.
        return NOTHING if self.origin is None else self.origin.fields

    def describe(
        self, name: str, attributes: Mapping[str, Attribute], *, has_started: bool
    ) -> None:
        """Take over what an adapter knows of a stream that the application has made.

        After the first step the name stays, and the attributes are added to the open span. Before
        it both are replaced for all that hold the info already: open scopes. Opening these again
        would not do: a vendor may have forgotten the parent by now.
        """
        if has_started:
            self.attributes = {**attributes, **self.attributes}
            return
        object.__setattr__(self.info, "name", name)
        object.__setattr__(self.info, "attributes", attributes)
        self._logger = None  # it carries the name

    def fail(
        self, error_or_reason: BaseException | str = "", *, error_type: str | None = None
    ) -> None:
        """Report that the stream has failed, although its body goes on or ends normally.

        The outcome is `failed` whatever follows; the first call stands. `error_type` is the
        value of `error.type`: by default the exception's class, and `_OTHER` for a text. Without
        either it is a wrong call, which the body survives.
        """
        if error_type is not None and not _is_name(error_type):
            return misused("fail", f"takes error_type as a text, not {shown(error_type)}")
        if isinstance(error_or_reason, BaseException):
            failure = {"error": error_or_reason, "error_type": error_type}
        elif _is_name(error_or_reason):
            failure = {"reason": self.texts.cut(error_or_reason), "error_type": error_type}
        else:
            return misused("fail", f"takes an exception or a text, not {shown(error_or_reason)}")
        if self.failure is None:
            self.failure = failure
        return None

    def mark(self, name: str) -> None:
        """Note the time of something: `streaminstr.mark.NAME`, in seconds from the making.

        The first call for a name stands.
        """
        if not _is_name(name):
            return misused("mark", f"takes a name, not {shown(name)}")
        with _noting:
            notes = self._notes
            self._notes = notes._replace(marks={name: clock() - self.created, **notes.marks})
        return None

    def add(self, name: str, number: float, *, rate: bool = False) -> None:
        """Sum a number under an attribute; with `rate` also for each second of producer time.

        The sum is on the span, the closing event and the progress, the rate under
        `streaminstr.rate.NAME`.
        """
        if not _is_name(name):
            return misused("add", f"takes a name, not {shown(name)}")
        if not _is_number(number):
            return misused("add", f"takes a finite number, not {shown(number)}")
        with _noting:
            notes = self._notes
            sums = {**notes.sums, name: notes.sums.get(name, 0) + number}
            self._notes = notes._replace(sums=sums, rates=notes.rates | ({name} if rate else set()))
        return None

    @property
    def stopping(self) -> bool:
        """Whether the process drains: the body should come to its end."""
        return _stopping.draining

    async def stopped(self) -> None:
        """Return when the process begins to drain."""
        await _stopping.stopped()

    def set_attribute(self, name: str, value: Attribute) -> None:
        """Put an attribute on the span and on the closing log event, both when the stream ends.

        An attribute that is set before the first step is on every log line of the stream, too.
        """
        if not _is_name(name):
            return misused("set_attribute", f"takes a name, not {shown(name)}")
        self.attributes = {**self.attributes, name: self.texts.cut(value)}
        return None

    def counting(self, size_of: Callable[[Any], int]) -> tuple[Callable[[Any], int], Any]:
        """What counts the chunks, and the type of those that need only be measured."""
        if self.counter is None:
            return size_of, bytes
        self.counter.size_of = size_of
        return self.counter.take, None

    def last_heard(self, last_chunk: float) -> float:
        """When the body was last heard of: an event stream by its last event, not by its pings."""
        if isinstance(self.counter, EventCounter):
            return self.counter.last_time or self.created
        return last_chunk

    def before(
        self, advance: Callable[[Any], Any], reader: StreamHandle | None
    ) -> Callable[[Any], Any]:
        """Do what comes before the first step; returns how to take it, in place of `advance`.

        What the stream spends is upstream in `reader`, in whose step it takes its first step.
        """
        self.reader = reader
        return advance if self.prelude is None else self.prelude(self, advance)

    def finish(self, final: StreamReport) -> StreamReport:
        """The report, without what is not wanted of its exception, which is noted before."""
        if self.origin is not None:
            guarded(self.origin.note, final.error, self.id, default=None)
        return self.texts.finish(final)

    def ended(self, final: StreamReport) -> None:
        """Add the time of this stream to the stream that has read it; keep what was seen last."""
        progress = self.progress
        if progress is not None and progress.lag is not None:
            self.facts, progress.lag = {**self.facts, "loop_lag": final.loop_lag}, None
        if progress is not None and progress.segments is not None:
            progress.segments.end()
        if self.then is not None:
            self.then()
        if isinstance(self.reader, Handle):
            with _noting:
                self.reader._upstream = (self.reader._upstream or 0.0) + final.producer_time  # noqa: SLF001 - of its class

    def report_fields(self, longest: float, producer: float, consumer: float) -> dict[str, Any]:
        """Fields of the report."""
        notes, progress = self._notes, self.progress
        lag = None if progress is None else progress.lag
        upstream = None if self._upstream is None else min(self._upstream, producer)
        facts: dict[str, Any] = {
            "longest_gap": longest,
            "attributes": {**self.attributes, **notes.sums} if notes.sums else self.attributes,
            "marks": notes.marks,
            "upstream_time": upstream,
            "bottleneck": bottleneck(producer, consumer, upstream or 0.0),
            "rates": self.rates(producer) if notes.rates else NOTHING,
            "loop_lag": None if lag is None else lag.largest(),
        }
        if self.counter is not None:
            facts |= self.counter.facts(self.created)
        facts |= self.facts
        if progress is not None and progress.segments is not None:
            progress.segments.complete(facts)
        return facts

    def rates(self, producer: float) -> Mapping[str, float]:
        """The sums for each second of producer time, of those that were added as rates."""
        notes, seconds = self._notes, producer or math.inf
        return {name: notes.sums[name] / seconds for name in notes.rates}

    @property
    def sums(self) -> Mapping[str, int | float]:
        """What the body has summed so far, by name."""
        return self._notes.sums

    @property
    def events(self) -> int | None:
        """How many events an event stream has had so far."""
        return self.counter.events if isinstance(self.counter, EventCounter) else None

    @property
    def is_truncated(self) -> bool:
        """Whether the body, which is exhausted, lacks its end marker."""
        return self.counter is not None and self.counter.is_truncated


def bottleneck(producer: float, consumer: float, upstream: float) -> Turn | None:
    """Who took over half of the duration, if that is over a tenth of a second."""
    if producer + consumer <= _NOTICEABLE:
        return None
    times: dict[Turn, float] = {
        "upstream": upstream,
        "producer": producer - upstream,
        "consumer": consumer,
    }
    slowest = max(times, key=times.__getitem__)
    least = max((producer + consumer) / 2, _NOTICEABLE)
    return slowest if times[slowest] > least else None


def shown(value: object) -> str:
    """The text of a value for a message, also of one that has none."""
    return guarded(repr, value, default="?")[:80]


def misused(method: str, problem: str) -> None:
    """Report a wrong call of a body's, once for each kind; in tests raise TypeError."""
    report_misuse(f"current_stream().{method}()", problem, sys._getframe(2))  # noqa: SLF001 - where the body made the call


def report_misuse(called: str, problem: str, caller: FrameType) -> None:
    """Report a wrong call that `caller` has made, once for each kind; in tests raise TypeError."""
    if strict:
        msg = f"{called} {problem}"
        raise TypeError(msg)
    log_once(called, problem)
    logger.debug("It was called at %s:%s.", caller.f_code.co_filename, caller.f_lineno)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and bool(name)


def _is_number(number: Any) -> bool:
    is_one = isinstance(number, int | float) and not isinstance(number, bool)
    return is_one and abs(number) <= _LARGEST
