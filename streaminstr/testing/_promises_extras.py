"""Promises: the optional moments of a backend. A backend has those whose methods it has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from streaminstr.testing._hooks import Hooks, needs
from streaminstr.testing._methods import OF_BACKEND, OF_SCOPE, misspelt_in
from streaminstr.testing._trial import Trial, in_thread
from streaminstr.types import Outcome, SupportsFlush, SupportsProgress, SupportsTraceId

if TYPE_CHECKING:
    from collections.abc import Iterable


class Extras(Hooks):
    """Progress of a long stream, flush at the end of the process, and the number of a trace."""

    def test_progress(self) -> None:
        """Showing the progress of a stream, from a thread, does not end its span."""
        with Trial(self, "progress") as trial:
            stream = trial.stream()
            _check_names(trial, trial.observer.scopes, OF_SCOPE)
            scopes = _those(trial.observer.scopes, SupportsProgress, "the scope has no progress()")
            next(stream)
            report = stream.report()
            for scope in scopes:
                in_thread(partial(trial.observer.call, scope.progress, report))
            stream.close()
        trial.ended(Outcome.CANCELLED)

    def test_flush(self) -> None:
        """Flushing while a stream is open does not end its span."""
        with Trial(self, "flush") as trial:
            _check_names(trial, trial.backends, OF_BACKEND)
            backends = _those(trial.backends, SupportsFlush, "the backend has no flush()")
            stream = trial.stream()
            next(stream)
            for backend in backends:
                trial.observer.call(backend.flush, 1.0)
            stream.close()
        trial.ended(Outcome.CANCELLED)

    @needs("has_current_span")
    def test_trace_id(self) -> None:
        """Inside of a stream, its trace has a number, by which a `RATIO` keeps whole traces."""
        with Trial(self, "trace_id") as trial:
            _check_names(trial, trial.backends, OF_BACKEND)
            backends = _those(trial.backends, SupportsTraceId, "the backend has no trace_id()")
            body = ([trial.observer.call(one.trace_id) for one in backends] for _ in range(2))
            first, second = trial.stream(body)
            numbers = [given for given in first if given is not None]  # a vendor may be off
            trial.check_anyway(
                first == second and numbers and all(isinstance(one, int) for one in numbers),
                f"trace_id() returned {first!r} in one step and {second!r} in the next. Return the "
                "number of the current trace: an int, the same in all spans of the trace.",
            )
        trial.ended(Outcome.COMPLETED)


def _check_names(trial: Trial, owners: Iterable[Any], methods: tuple[str, ...]) -> None:
    sentences = [sentence for owner in owners for sentence in misspelt_in(owner, methods)]
    trial.check_anyway(not sentences, " ".join(sentences))


def _those(candidates: Iterable[Any], capability: Any, missing: str) -> list[Any]:
    """The candidates that have the capability; skips where none has."""
    capable = [candidate for candidate in candidates if isinstance(candidate, capability)]
    if not capable:
        pytest.skip(f"{missing}, which may be left out")
    return capable
