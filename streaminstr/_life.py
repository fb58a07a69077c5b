"""The life of one stream's scopes: opened, started, closed exactly once."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from contextvars import ContextVar, copy_context
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr._guard import guarded, report
from streaminstr._scope import NOTHING, Outcome, StreamReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextvars import Context
    from weakref import ref

    from streaminstr._config import Config
    from streaminstr._exchange import Exchange
    from streaminstr._origin import Origin
    from streaminstr._progress import Turn
    from streaminstr._scope import Attribute, Backend, CancelledBy, StreamInfo, StreamScope

_FAILED: Any = object()

_current: ContextVar[StreamHandle] = ContextVar("streaminstr.current_stream")


def current_stream() -> StreamHandle | None:
    """The handle of the stream whose step or clean-up is running here, or None outside of one."""
    return _current.get(None)


class StreamHandle:
    """What a body sees of its own stream."""

    __slots__ = ("_logger", "attributes", "fields", "info", "origin")

    def __init__(self, info: StreamInfo) -> None:
        self.info = info
        self.attributes: Mapping[str, Attribute] = NOTHING
        self.fields: Mapping[str, Attribute] = NOTHING
        """What log lines of this stream carry: the ids of its span, as its backends gave them."""
        self.origin: Origin | None = None
        self._logger: Any = None

    def set_attribute(self, name: str, value: Attribute) -> None:
        """Put an attribute on the span and on the closing log event, both when the stream ends.

        What is set before the first step is on every log line of the stream, too.
        """
        self.attributes = {**self.attributes, name: value}

    @property
    def logger(self) -> Any:
        """An immutable logger with the request's bindings, the stream's name and the span's ids.

        A structlog bound logger where structlog is installed, else a `logging.LoggerAdapter`.
        """
        if self._logger is None:
            from streaminstr.log import stream_logger  # noqa: PLC0415 - only who logs pays

            self._logger = stream_logger(self)
        return self._logger


class Meters(NamedTuple):
    """What a stream's steps have measured; times by `clock`, in seconds."""

    chunks: int
    size: int
    longest: float
    producer: float
    begun: float
    """When the first step was entered."""
    first: float
    """When the first chunk came; meaningless before it."""
    entered: float
    """When the newest step was entered. Later than `left`: it is running."""
    left: float
    """When the newest chunk came."""


class Life:
    """One scope from each backend of one stream, and the Context that they live in.

    It does not know its stream, and the Context knows nothing but the handle: no reference
    cycle, so that a stream which is dropped ends there and then.
    """

    __slots__ = (
        "_config",
        "_exchange",
        "_requested",
        "acloses",
        "closers",
        "closing",
        "context",
        "created",
        "handle",
        "measure",
        "run",
        "scopes",
        "started",
        "stream",
        "turn",
    )

    def __init__(
        self,
        config: Config,
        handle: StreamHandle,
        *,
        closers: Iterable[Callable[[], object]] = (),
        acloses: bool = False,
        measure: Callable[[Any], int],
        exchange: Exchange | None = None,
        requested: float | None = None,
    ) -> None:
        self._config = config
        self._exchange = exchange
        self._requested = requested if exchange is None else exchange.started
        self.context: Context = copy_context()
        self.run: Callable[..., Any] = config.runner(self.context)
        self.created = clock()
        self.started = False
        self.closing: tuple[Outcome, CancelledBy | None] | None = None
        self.closers = tuple(closers)
        self.acloses = acloses
        self.measure = measure
        self.handle = handle
        self.stream: ref[Any] | None = None
        self.turn: Turn | None = None
        self.scopes: tuple[StreamScope, ...] = tuple(
            scope
            for backend in config.backends
            if (scope := self.context.run(_open, backend, handle.info)) is not None
        )

    @property
    def is_open(self) -> bool:
        """Whether the scopes are started and not closed yet."""
        # A weak reference that was never in a set cannot be looked for when its object is gone.
        return self.started and self.stream in _open_streams

    def begin(self) -> None:
        """Start the scopes. Called in the Context, by the first step."""
        self.started = True
        _open_streams.add(self.stream)
        fields: dict[str, Attribute] = {}
        self.scopes = tuple(scope for scope in self.scopes if _start(scope, fields))
        if fields:
            self.handle.fields = fields
        guarded(self._config.bind, self.handle, default=None)
        # After `bind`, which remembers the Context: with the handle in it that were a cycle.
        _current.set(self.handle)
        if self._config.progress_interval is not None:
            self.turn = guarded(_watch, self._config.progress_interval, default=None)

    def ask_to_close(self, outcome: Outcome, cancelled_by: CancelledBy | None) -> None:
        """Say why the stream is about to be ended from outside. The first cause stands."""
        if self.closing is None:
            self.closing = (outcome, cancelled_by)

    def clean_up(self) -> None:
        """Run the body's own closers, each once, all of them, in their order."""
        closers, self.closers = self.closers, ()
        with ExitStack() as stack:
            for closer in reversed(closers):
                stack.callback(closer)

    def end(self, error: BaseException | None, meters: Meters) -> None:
        """Close the scopes that were started: here, now, and never again."""
        if not self.started:
            return None
        try:
            _open_streams.remove(self.stream)
        except KeyError:  # ended already: by another thread, maybe just now
            return None
        final = self.report(error, meters)
        if self.turn is None:
            return self._close(final)
        with self.turn.lock:
            return self._close(final)

    def _close(self, final: StreamReport) -> None:
        for scope in reversed(self.scopes):
            # A copy, because the Context itself is entered when a step is what ends the stream.
            self.context.copy().run(guarded, scope.close, final, default=None)

    def report(self, error: BaseException | None, meters: Meters) -> StreamReport:
        """The numbers of a stream that ends now: by `error`, from outside, or by exhaustion."""
        outcome, cancelled_by = _outcome_of(error)
        if outcome is Outcome.CANCELLED and self.closing is not None:
            outcome, cancelled_by = self.closing
        if outcome is Outcome.CANCELLED and cancelled_by is None and self._exchange is not None:
            cancelled_by = self._exchange.cause
        is_error = outcome is Outcome.FAILED or (
            outcome is Outcome.CANCELLED and self._config.cancelled_is_error
        )
        return StreamReport(
            outcome=outcome,
            cancelled_by=cancelled_by,
            error=error if outcome is Outcome.FAILED else None,
            is_error=is_error,
            **self._numbers(meters, clock()),
        )

    def _numbers(self, meters: Meters, now: float) -> dict[str, Any]:
        in_step = meters.entered > meters.left
        producer = meters.producer + (now - meters.entered if in_step else 0.0)
        stalled = "producer" if in_step else "consumer"
        first = meters.first if meters.chunks else None
        return {
            "chunks": meters.chunks,
            "bytes": meters.size,
            "time_to_first_chunk": None if first is None else first - self.created,
            "request_time_to_first_chunk": (
                None if first is None or self._requested is None else first - self._requested
            ),
            "longest_gap": max(meters.longest, 0.0),
            "producer_time": producer,
            "consumer_time": max(now - meters.begun - producer, 0.0) if meters.begun else 0.0,
            "stalled": stalled if self.is_open else None,
            "attributes": self.handle.attributes,
        }


_open_streams: set[ref[Any] | None] = set()
"""Streams that were started and have not ended. Weakly: a body may refer to its own stream.

Leaving this set is the atomic step that decides who closes a stream: only who takes it out does.
"""


never_stepped: Counter[str] = Counter()
"""How many streams came and went without a step, by name. Nothing else is to be seen of them."""


def open_lives() -> tuple[Life, ...]:
    """The lives of the streams that were started, have not ended, and have not been dropped."""
    made = (stream() for stream in tuple(_open_streams) if stream is not None)
    return tuple(stream._life for stream in made if stream is not None)  # noqa: SLF001


def _watch(interval: float) -> Turn:
    from streaminstr._progress import watch  # noqa: PLC0415 - only who asks for progress pays

    return watch(interval)


def _open(backend: Backend, info: StreamInfo) -> StreamScope | None:
    scope = guarded(backend.open, info, default=_FAILED)
    if scope is _FAILED:
        return None
    if guarded(_is_scope, scope, default=False):
        return scope
    # By its type alone: what it says of itself may differ each time, or raise.
    report(backend.open, f"returned {type(scope).__name__} and not a StreamScope")
    return None


def _is_scope(given: Any) -> bool:
    return callable(getattr(given, "start", None)) and callable(getattr(given, "close", None))


def _start(scope: StreamScope, fields: dict[str, Attribute]) -> bool:
    """Whether the scope was started, so that its close is owed."""
    given: Any = guarded(scope.start, default=_FAILED)
    if given is _FAILED:
        return False
    if guarded(_are_fields, given, default=False):
        fields.update(given)
    else:
        report(scope.start, f"returned {type(given).__name__} and not a mapping of log fields")
    return True


def _are_fields(given: Any) -> bool:
    # A dict is asked for first, since to ask for an abstract class takes several times as long.
    return isinstance(given, dict | Mapping) and all(isinstance(name, str) for name in given)


def _outcome_of(error: BaseException | None) -> tuple[Outcome, CancelledBy | None]:
    if error is None:
        return Outcome.COMPLETED, None
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        # A worker that is told to stop is told so inside the step (gunicorn's --timeout).
        return Outcome.CANCELLED, "server"
    if isinstance(error, (GeneratorExit, *_cancellations())):
        return Outcome.CANCELLED, None
    return Outcome.FAILED, None


def _cancellations() -> Iterable[type[BaseException]]:
    """What cancels a task or greenlet, of the libraries that are loaded: none is imported here."""
    for module, name in (
        ("asyncio", "CancelledError"),
        ("trio", "Cancelled"),
        ("greenlet", "GreenletExit"),
    ):
        if module in sys.modules:
            yield getattr(sys.modules[module], name, GeneratorExit)


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    # What is open here is the parent's to close.
    os.register_at_fork(after_in_child=_open_streams.clear)
