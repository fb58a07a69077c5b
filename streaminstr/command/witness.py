"""A backend that passes everything on to another, and notes the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streaminstr._core.guard import errors, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaminstr import Backend, StreamInfo, StreamReport, StreamScope
    from streaminstr.types import Attribute


class Witness:
    """Stands between the core and `backend`, for one stream."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.name = f"{type(backend).__module__}.{type(backend).__qualname__}"
        self.notes: list[str] = []
        self.failed = False

    def open(self, info: StreamInfo) -> WitnessScope:
        return WitnessScope(self, self.see("open", self._backend.open, info))

    def flush(self, timeout: float) -> None:
        """Flush the backend, where it can be."""
        flush = getattr(self._backend, "flush", None)
        if flush is not None:
            self.see("flush", flush, timeout)

    def see(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call, and note that it succeeded or what it raised; the log has the traceback."""
        before = errors.copy()
        result = guarded(call, *arguments, default=None)
        raised = list(errors - before)
        self.notes.append(f"{what}: {'raised, ' + raised[0] if raised else 'ok'}")
        self.failed = self.failed or bool(raised)
        return result


class WitnessScope:
    """Stands between the core and one scope; None is a scope that could not be opened."""

    def __init__(self, witness: Witness, scope: StreamScope | None) -> None:
        self._witness = witness
        self._scope = scope

    def start(self) -> Mapping[str, Attribute]:
        if self._scope is None:
            return {}
        fields: Mapping[str, Attribute] = self._witness.see("start", self._scope.start) or {}
        ids = " ".join(f"{name}={value}" for name, value in fields.items() if value != "")
        self._witness.notes.append(f"ids: {ids or 'none, so nothing is traced here'}")
        return fields

    def close(self, report: StreamReport) -> None:
        if self._scope is None or self._witness.failed:
            return
        arrived = f"{report.outcome}, {report.chunks} chunks, {report.bytes} bytes"
        self._witness.see(f"close ({arrived})", self._scope.close, report)
