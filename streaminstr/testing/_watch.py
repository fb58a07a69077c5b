"""A backend under watch: what it raises, and what it returns wrongly, is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr.types import Attribute, Backend, StreamInfo, StreamReport, StreamScope

_ADVICE = (
    "A scope is closed from any thread, task and Context, and by the garbage collector: "
    "keep what close() needs in the scope itself."
)


class Watch:
    """What the core was told by the backends, and what they should not have done."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, BaseException | None]] = []
        self.scopes: list[StreamScope] = []
        self.reports: list[StreamReport] = []

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of a backend or scope, and remember what it raises."""
        try:
            return function(*arguments)
        except BaseException as error:
            self.fault(function, f"raised {type(error).__name__}: {error}. {_ADVICE}", error)
            raise

    def fault(
        self, function: Callable[..., Any], problem: str, error: BaseException | None = None
    ) -> None:
        owner = type(getattr(function, "__self__", None)).__name__
        name = getattr(function, "__name__", "?")
        self.faults.append((f"{owner}.{name}() {problem}", error))


class WatchedBackend:
    """Hands everything on to `backend`, under the eyes of `watch`."""

    def __init__(self, backend: Backend, watch: Watch) -> None:
        self._backend = backend
        self._watch = watch

    def open(self, info: StreamInfo) -> WatchedScope:
        scope = self._watch.call(self._backend.open, info)
        if scope is None or any(scope is known for known in self._watch.scopes):
            self._watch.fault(
                self._backend.open,
                f"returned {scope!r:.80}. Return a new scope for each stream.",
            )
        self._watch.scopes.append(scope)
        return WatchedScope(scope, self._watch)


class WatchedScope:
    """Hands everything on to `scope`, under the eyes of `watch`."""

    def __init__(self, scope: StreamScope, watch: Watch) -> None:
        self._scope = scope
        self._watch = watch

    def start(self) -> Mapping[str, Attribute]:
        fields = self._watch.call(self._scope.start)
        if not isinstance(fields, Mapping):
            self._watch.fault(
                self._scope.start,
                f"returned {fields!r:.80}. Return a mapping of log fields, or {{}}.",
            )
        return fields  # type: ignore[no-any-return]

    def close(self, report: StreamReport) -> None:
        self._watch.reports.append(report)
        self._watch.call(self._scope.close, report)
