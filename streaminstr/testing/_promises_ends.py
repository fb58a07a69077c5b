"""Promises: however a stream ends, there is one span, which says how."""

from __future__ import annotations

import gc

from streaminstr import attributes as names
from streaminstr.testing import _bodies as bodies
from streaminstr.testing._hooks import Hooks, needs
from streaminstr.testing._trial import Trial
from streaminstr.types import Outcome


class Ends(Hooks):
    """One span for each stream, whatever the end."""

    def test_never_started(self) -> None:
        """A stream that is never stepped leaves nothing behind, closed or dropped."""
        with Trial(self, "never_started") as trial:
            trial.stream().close()
            trial.stream()
        trial.check(
            not trial.finished(),
            "a stream that was never stepped has a span. Start it in start(), not in open().",
        )

    def test_completed(self) -> None:
        """A body that was exhausted."""
        with Trial(self, "completed") as trial:
            list(trial.stream())
        trial.ended(Outcome.COMPLETED)

    def test_failed(self) -> None:
        """An exception that came out of a step."""
        with Trial(self, "failed") as trial:
            bodies.drain(trial.stream(bodies.failing()))
        trial.ended(Outcome.FAILED)

    def test_reported(self) -> None:
        """A failure that the body reported (`fail`) and after which it ended normally."""
        with Trial(self, "reported") as trial:
            list(trial.stream(bodies.reporting("the upstream is gone")))
        span = trial.ended(Outcome.FAILED, error_type="_OTHER")
        trial.check_attributes(span, {names.REASON: "the upstream is gone"})

    @needs("has_exceptions")
    def test_reported_error(self) -> None:
        """The same with an exception, which no step has raised."""
        with Trial(self, "reported_error") as trial:
            list(trial.stream(bodies.reporting(LookupError("promised"))))
        span = trial.ended(Outcome.FAILED)
        trial.check(
            span.exceptions == 1,
            f"{span.exceptions} exceptions are recorded for a stream whose body has reported one. "
            "Record report.error in close(), once, unless it is None.",
        )

    def test_reported_and_left(self) -> None:
        """A failure that the body reported before it was closed."""
        with Trial(self, "reported_and_left") as trial:
            stream = trial.stream(bodies.reporting("the upstream is gone", b"chunk"))
            next(stream)
            next(stream)
            stream.close(cancelled_by="client")
        trial.ended(Outcome.FAILED, error_type="_OTHER")

    def test_cancelled(self) -> None:
        """A body that is closed before its end: no error, and who closed it where that is known."""
        with Trial(self, "cancelled") as trial:
            stream = trial.stream()
            next(stream)
            stream.close(cancelled_by="client")
        span = trial.ended(Outcome.CANCELLED)
        trial.check_attributes(span, {names.CANCELLED_BY: "client"})

    def test_cancelled_is_error(self) -> None:
        """The same, where the option `cancelled_is_error` says that it is an error."""
        with Trial(self, "cancelled_is_error", cancelled_is_error=True) as trial:
            stream = trial.stream()
            next(stream)
            stream.close()
        trial.ended(Outcome.CANCELLED, is_error=True)

    @needs("has_own_errors")
    def test_own_error(self) -> None:
        """A span that the body has marked as an error stays one, whatever the end."""
        with Trial(self, "own_error") as trial:
            list(trial.stream(bodies.around(self.mark_error)))
            stream = trial.stream(bodies.around(self.mark_error), name="left")
            next(stream)
            stream.close()
        for name in ("promised", "left"):
            trial.check(
                trial.span(name).is_error,
                "the body has marked its span as an error, and it is none any more. Mark the span "
                "in close() where report.is_error, and never take a mark away.",
            )

    def test_own_error_type(self) -> None:
        """An `error.type` that the body has set stands, failed or not."""
        with Trial(self, "own_error_type") as trial:
            for name, body in (("completed", bodies.chunks), ("failed", bodies.failing)):
                bodies.drain(trial.stream(bodies.naming_its_error(body()), name=name))
        for name in ("completed", "failed"):
            trial.check_attributes(trial.span(name), {names.ERROR_TYPE: "Promised"})

    def test_abandoned(self) -> None:
        """A stream that was dropped."""
        with Trial(self, "abandoned") as trial:
            next(trial.stream())
        trial.ended(Outcome.ABANDONED)

    def test_collector(self) -> None:
        """A stream that the garbage collector finds, in the step of another stream."""
        with Trial(self, "collector") as trial:
            bodies.lose(trial.stream(name="lost"))
            list(trial.stream(bodies.around(gc.collect)))
        trial.ended(Outcome.ABANDONED, name="lost")
        trial.ended(Outcome.COMPLETED)

    def test_double_close(self) -> None:
        """A stream that is closed twice."""
        with Trial(self, "double_close") as trial:
            stream = trial.stream()
            next(stream)
            stream.close()
            stream.close()
        trial.ended(Outcome.CANCELLED)
