"""A trial: one backend is active for the length of one promise, and observed."""

from __future__ import annotations

import time
import warnings
from contextlib import ExitStack
from contextvars import copy_context
from math import isclose
from os import urandom
from threading import Thread
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import pytest

from streaminstr import _registry
from streaminstr import attributes as names
from streaminstr._configure import assemble, forced
from streaminstr._handle import Handle
from streaminstr._wrap import wrap
from streaminstr.testing._observed import ObservedBackend, Observer
from streaminstr.testing._views import SpanView
from streaminstr.types import Outcome, StreamInfo, StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr.testing._hooks import Hooks
    from streaminstr.types import Attribute, Backend


class Trial:
    """Makes streams on the backend of `contract`, then says what is wrong about their spans.

    Every sentence that it fails with begins with the name of the promise. Where spans cannot be
    read back, what was run and raised nothing is all that is asked of them.
    """

    def __init__(self, contract: Hooks, promise: str, **options: Any) -> None:
        self.contract = contract
        self.promise = promise
        self.backend = contract.make_backend()
        self.observer = Observer()
        self.backends = self._resolved()
        """The same as objects: `make_backend` may return names, and lists."""
        observed = tuple(ObservedBackend(backend, self.observer) for backend in self.backends)
        self._config = assemble(observed, **options)
        self._finished_before = len(self._read()) if contract.can_read_back else 0
        self._ambient = self._surroundings()
        self._stack = ExitStack()
        self._streams: list[ref[Any]] = []

    def _resolved(self) -> tuple[Backend, ...]:
        """The backends as objects; one that cannot be made fails in a line, and no traceback."""
        try:
            return _registry.resolve(self.backend, {})
        except StreaminstrError as error:
            pytest.fail(
                f"{self.promise}: make_backend() names what cannot be made. {error}", pytrace=False
            )

    def __enter__(self) -> Self:
        self._stack.enter_context(forced(self._config))
        self._stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)  # some promises are about what is dropped
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        __tracebackhide__ = True
        if kind is not None:
            self._close_all()
        self._stack.close()
        for what, error in self.observer.faults:
            msg = f"{self.promise}: {what}"
            raise AssertionError(msg) from error

    def stream(
        self,
        body: Any = (b"one", b"two", b"three"),
        *,
        name: str = "promised",
        attributes: Mapping[str, Attribute] | None = None,
        started_ns: int | None = None,
    ) -> Any:
        """A stream over `body`, made here and now."""
        info = StreamInfo(
            name=name,
            attributes=dict(attributes or {}),
            parent=self._config.parent,
            started_ns=started_ns,
            stream_id=urandom(8).hex(),
        )
        stream = wrap(body, Handle(info), self._config)
        self._streams.append(ref(stream))
        return stream

    def finished(self) -> list[SpanView]:
        """The spans that have finished in this trial; none where they cannot be read back."""
        return self._read()[self._finished_before :] if self.contract.can_read_back else []

    def span(self, name: str = "promised") -> SpanView:
        """The one span of the stream called `name`; an empty one where it cannot be read back."""
        __tracebackhide__ = True
        if not self.contract.can_read_back:
            return SpanView(name=name)
        finished = self.finished()
        named = [span for span in finished if span.name == name]
        all_names = [span.name for span in finished]
        self.check(
            bool(finished),
            f"no span has finished after stream {name!r} ended: a scope was left open. "
            "End the span in close(), whatever the outcome.",
        )
        self.check(
            bool(named),
            f"no span is called {name!r} after the stream of that name ended, "
            f"finished are: {all_names}. Give the span info.name in start(), keep it in the scope, "
            "and end that very span in close().",
        )
        self.check(
            len(named) == 1,
            f"{len(named)} spans have finished for the one stream {name!r}. "
            "Start one span in start(), and end it once, in close().",
        )
        return named[0]

    def ended(
        self,
        outcome: Outcome,
        *,
        name: str = "promised",
        is_error: bool | None = None,
        error_type: str = "LookupError",
    ) -> SpanView:
        """The one span of the stream called `name`, which must have ended with `outcome`."""
        __tracebackhide__ = True
        span = self.span(name)
        should_be_error = outcome is Outcome.FAILED if is_error is None else is_error
        self.check_attributes(span, {names.OUTCOME: outcome.value})
        self.check(
            span.is_error is should_be_error,
            f"the span of a stream that was {outcome.value} is "
            f"{'' if span.is_error else 'not '}marked as an error. "
            "Take the status from report.is_error in close(), beside what the body has set itself.",
        )
        if should_be_error:
            expected = error_type if outcome is Outcome.FAILED else outcome.value
            self.check_attributes(span, {names.ERROR_TYPE: expected})
        return span

    def check_attributes(
        self,
        span: SpanView,
        expected: Mapping[str, object],
        source: str = "report.as_attributes(), all of it, in close()",
    ) -> None:
        """Fail unless the span has the attributes, as they are, to the microsecond, or as text."""
        __tracebackhide__ = True
        for name, value in expected.items():
            shown = span.attributes.get(name)
            self.check(
                _is_same(shown, value),
                f"attribute {name!r} is {value!r}, and the span of {span.name!r} has {shown!r}. "
                f"Put {source} on the span.",
            )

    def check_parent(self, child: str, parent: str) -> None:
        """Fail unless the span `child` hangs under the span `parent`, in the same trace."""
        __tracebackhide__ = True
        above, below = self.span(parent), self.span(child)
        self.check(
            below.parent_id == above.span_id and below.trace_id == above.trace_id,
            f"the stream {child!r} was made in a step of {parent!r}, and its span has the parent "
            f"{below.parent_id!r} and not {above.span_id!r}, or another trace. Remember in open() "
            "what is current there, by its ids if need be, and start the span under it.",
        )

    def check_strangers(self, first: str, second: str) -> None:
        """Fail if one of two spans hangs under the other."""
        __tracebackhide__ = True
        one, other = self.span(first), self.span(second)
        self.check(
            one.span_id != other.parent_id and other.span_id != one.parent_id,
            f"one of the streams {first!r} and {second!r}, which took turns, is the parent of the "
            "other. The parent is what is current in open(), and not in start() or later.",
        )

    def check_current(self, seen: list[str | None], where: str) -> None:
        """Fail unless what was seen is the span of the stream called `promised`, each time."""
        __tracebackhide__ = True
        span = self.span()
        self.check(
            set(seen) == {span.span_id},
            f"current {where} were the spans {seen}, and the stream's span is {span.span_id!r}. "
            "Make the span current in start(), by context variables.",
        )

    def check(self, kept: object, sentence: str) -> None:
        """Fail with `sentence` unless a span shows that the promise was kept."""
        __tracebackhide__ = True
        if self.contract.can_read_back:
            self.check_anyway(kept, sentence)

    def check_anyway(self, kept: object, sentence: str) -> None:
        """The same where no span has to be read back for it."""
        __tracebackhide__ = True
        if not kept:
            msg = f"{self.promise}: {sentence}"
            raise AssertionError(msg)

    def check_surroundings(self, when: str) -> None:
        """Fail if the caller's Context, or the span current here, is not as it was."""
        __tracebackhide__ = True
        context, span = self._ambient
        context_now, span_now = self._surroundings()
        self.check_anyway(
            span == span_now,
            f"{when}, the span that is current for the caller is {span_now!r} and was {span!r}. "
            "Make the span current in start() alone, by setting a context variable: the stream's "
            "Context keeps it. What a variable holds is shared: replace it, do not change it.",
        )
        self.check_anyway(
            context == context_now,
            f"{when}, the caller's Context has changed. Set context variables in start() alone.",
        )

    def _close_all(self) -> None:
        """Close the streams that a failed promise has left open: no other test is to meet them."""
        for reference in self._streams:
            if (stream := reference()) is not None:
                stream.close()

    def _surroundings(self) -> tuple[dict[Any, int], str | None]:
        span = self.contract.current_span_id() if self.contract.has_current_span else None
        return {variable: id(value) for variable, value in copy_context().items()}, span

    def _read(self) -> list[SpanView]:
        return list(self.contract.finished(self.backend))


def _is_same(shown: object, value: object) -> bool:
    """Whether a span shows `value`. A time may be rounded, as those of the log's events are."""
    if (
        isinstance(shown, float)
        and isinstance(value, float)
        and isclose(shown, value, abs_tol=1e-6)
    ):
        return True
    return shown == value or str(shown).lower() == str(value).lower()


def in_thread(function: Callable[[], Any]) -> Any:
    """What `function` returns when a new thread calls it, in an empty Context."""
    returned: list[Any] = []
    thread = Thread(target=lambda: returned.append(function()))
    thread.start()
    thread.join()
    return returned[0]


def later() -> int:
    """A moment, in Unix nanoseconds, with some milliseconds of nothing on either side."""
    time.sleep(0.005)
    moment = time.time_ns()
    time.sleep(0.005)
    return moment


def cut(stream: Any) -> bool:
    """Have the next segment of `stream` begin with its next step; returns whether a scope can."""
    life = stream._life  # noqa: SLF001 - it is one of ours
    segments = None if life.handle.progress is None else life.handle.progress.segments
    if segments is not None:
        segments.ask(life)
    return segments is not None
