"""A backend that passes everything on to another, and notes the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import errors, guarded
from streaminstr.command.untraced import why_untraced
from streaminstr.testing._methods import OF_BACKEND, OF_SCOPE, missing_in, misspelt_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr import Backend, StreamInfo, StreamReport, StreamScope
    from streaminstr.types import Attribute


_NOT_SAMPLED = "00"
"""The flags of a trace that an SDK's sampler does not keep."""


class Witness:
    """Stands between the core and `backend`, for one stream."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.name = f"{type(backend).__module__}.{type(backend).__qualname__}"
        self.notes: list[str] = misspelt_in(backend, OF_BACKEND)
        self.failed = False
        self.has_ids = False

    def open(self, info: StreamInfo) -> WitnessScope:
        scope = self.see("open", self._backend.open, info)
        if scope is None:
            return WitnessScope(self, None)
        if missing := missing_in(scope):
            self.notes[-1] = f"open: returned {type(scope).__name__}, {missing}"
            self.failed = True
            return WitnessScope(self, None)
        self.notes += misspelt_in(scope, OF_SCOPE)
        return WitnessScope(self, scope)

    def see_ids(self, fields: Mapping[str, Attribute]) -> None:
        """Note the ids that `start` has returned, or why there are none."""
        ids = " ".join(f"{name}={value}" for name, value in fields.items() if value != "")
        self.has_ids = bool(ids)
        reason = why_untraced(self._backend, has_ids=self.has_ids)
        self.failed = self.failed or reason is not None
        if reason is not None:
            ids = f"{ids or 'none'}: {reason}"
        elif fields.get("trace_flags") == _NOT_SAMPLED:
            ids += " (not sampled: OpenTelemetry's sampler has left it out, and it is not sent)"
        self.notes.append(f"ids: {ids or 'none, as this backend has no spans'}")

    def flush(self, timeout: float) -> None:
        """Flush the backend, where it can be."""
        flush = getattr(self._backend, "flush", None)
        if flush is not None:
            self.see("flush", flush, timeout, done="returned, which says nothing of its delivery")

    def see(self, what: str, call: Callable[..., Any], *arguments: Any, done: str = "ok") -> Any:
        """Make a call, and note that it succeeded or what it raised; the log has the traceback."""
        before = errors.copy()
        result = guarded(call, *arguments, default=None)
        raised = list(errors - before)
        self.notes.append(f"{what}: {'raised, ' + raised[0] if raised else done}")
        self.failed = self.failed or bool(raised)
        return result


class WitnessScope:
    """Stands between the core and one scope; None is a scope that is not there or not started."""

    def __init__(self, witness: Witness, scope: StreamScope | None) -> None:
        self._witness = witness
        self._scope = scope

    def start(self) -> Mapping[str, Attribute]:
        if self._scope is None:
            return {}
        fields = self._witness.see("start", self._scope.start)
        if self._witness.failed:
            self._scope = None  # not started, so not closed
            return {}
        if not isinstance(fields, Mapping):
            problem = f"start: returned {fields!r:.80}, which is no mapping of log fields"
            self._witness.notes[-1], self._witness.failed = problem, True
            return {}
        self._witness.see_ids(fields)
        return fields

    def close(self, report: StreamReport) -> None:
        if self._scope is None:
            return
        arrived = f"{report.outcome}, {report.chunks} chunks, {report.bytes} bytes"
        self._witness.see(f"close ({arrived})", self._scope.close, report)
