"""An observed backend: what it raises, and what it wrongly returns, is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streaminstr.testing._methods import missing_in
from streaminstr.types import NotNow, SupportsSegments

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr.types import Attribute, Backend, StreamInfo, StreamReport, StreamScope

_ADVICE = {
    "close": (
        "A scope is closed from any thread, task and Context, and by the garbage collector: "
        "keep what close() needs in the scope itself."
    ),
    "start": "An application may have put anything into the attributes: leave out what is refused.",
    "flush": "It is called with the time that is left, in seconds: flush(timeout).",
    "open": "It is called with the StreamInfo alone: open(info).",
}
"""What to look at first where a method raises."""


class Observer:
    """What passes between the core and its backends, and what they do wrong."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, BaseException | None]] = []
        self.scopes: list[StreamScope] = []
        self.reports: list[StreamReport] = []

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of a backend or scope, and remember what it raises."""
        try:
            return function(*arguments)
        except NotNow:
            raise
        except BaseException as error:
            advice = _ADVICE.get(getattr(function, "__name__", ""), "")
            problem = f"raised {type(error).__name__}: {error}. {advice}"
            self.fault(function, problem.rstrip(), error)
            raise

    def fault(
        self, function: Callable[..., Any], problem: str, error: BaseException | None = None
    ) -> None:
        owner = type(getattr(function, "__self__", None)).__name__
        name = getattr(function, "__name__", "?")
        self.faults.append((f"{owner}.{name}() {problem}", error))


class ObservedBackend:
    """Hands everything on to `backend`, and notes it in `observer`."""

    def __init__(self, backend: Backend, observer: Observer) -> None:
        self._backend = backend
        self._observer = observer

    def open(self, info: StreamInfo) -> ObservedScope:
        scope = self._observer.call(self._backend.open, info)
        if scope is None or any(scope is other for other in self._observer.scopes):
            self._observer.fault(
                self._backend.open,
                f"returned {scope!r:.80}. Return a new scope for each stream.",
            )
        elif missing := missing_in(scope):
            self._observer.fault(self._backend.open, f"returned {type(scope).__name__}, {missing}")
        self._observer.scopes.append(scope)
        kind = ObservedSegments if isinstance(scope, SupportsSegments) else ObservedScope
        return kind(scope, self._observer)


class ObservedScope:
    """Hands everything on to `scope`, and notes it in `observer`."""

    def __init__(self, scope: StreamScope, observer: Observer) -> None:
        self._scope = scope
        self._observer = observer

    def start(self) -> Mapping[str, Attribute]:
        return self._fields_of(self._scope.start)

    def close(self, report: StreamReport) -> None:
        self._observer.reports.append(report)
        self._observer.call(self._scope.close, report)

    def _fields_of(self, method: Callable[..., Any], *arguments: Any) -> Mapping[str, Attribute]:
        fields = self._observer.call(method, *arguments)
        if not isinstance(fields, Mapping):
            self._observer.fault(
                method, f"returned {fields!r:.80}. Return a mapping of log fields, or {{}}."
            )
        return fields  # type: ignore[no-any-return]


class ObservedSegments(ObservedScope):
    """The same for a scope that can be cut."""

    _scope: Any

    def segment(self, report: StreamReport) -> Mapping[str, Attribute]:
        return self._fields_of(self._scope.segment, report)
