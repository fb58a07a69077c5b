"""Promises: the optional moments of a backend. A backend has those whose methods it has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from streaminstr.testing._hooks import Hooks
from streaminstr.testing._methods import OF_BACKEND, OF_SCOPE, misspelt_in
from streaminstr.testing._trial import Trial, in_thread
from streaminstr.types import Outcome, SupportsFlush, SupportsProgress

if TYPE_CHECKING:
    from collections.abc import Iterable


class Extras(Hooks):
    """Progress of a long stream, and flush at the end of the process."""

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


def _check_names(trial: Trial, owners: Iterable[Any], methods: tuple[str, ...]) -> None:
    sentences = [sentence for owner in owners for sentence in misspelt_in(owner, methods)]
    trial.check_anyway(not sentences, " ".join(sentences))


def _those(candidates: Iterable[Any], capability: Any, missing: str) -> list[Any]:
    """The candidates that have the capability; skips where none has."""
    capable = [candidate for candidate in candidates if isinstance(candidate, capability)]
    if not capable:
        pytest.skip(f"{missing}, which may be left out")
    return capable
