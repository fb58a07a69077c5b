"""Promises: where a span is current, and from where a stream may be stepped and closed."""

from __future__ import annotations

import gc
from typing import Any

from streaminstr.testing import _bodies as bodies
from streaminstr.testing._hooks import Hooks, needs
from streaminstr.testing._trial import Trial, in_thread
from streaminstr.types import Outcome


class Places(Hooks):
    """Any thread, any Context, and any other streams at the same time."""

    def test_caller_unchanged(self) -> None:
        """The Context in which a stream is made, stepped and closed, and the span current there."""
        with Trial(self, "caller_unchanged") as trial:
            stream = trial.stream()
            trial.check_surroundings("after open()")
            next(stream)
            trial.check_surroundings("between two chunks")
            stream.close()
            trial.check_surroundings("after close()")

    def test_interleaved(self) -> None:
        """Streams that take turns, and end in the order of their beginning."""
        with Trial(self, "interleaved") as trial:
            first, second = trial.stream(name="first"), trial.stream(name="second")
            for stream in (first, second, first, second):
                next(stream)
            first.close()
            list(second)
        trial.ended(Outcome.CANCELLED, name="first")
        trial.ended(Outcome.COMPLETED, name="second")

    @needs("has_parents")
    def test_interleaved_parents(self) -> None:
        """Streams that take turns are not each other's parents."""
        with Trial(self, "interleaved_parents") as trial:
            first, second = trial.stream(name="first"), trial.stream(name="second")
            for stream in (first, second, first, second):
                next(stream)
            list(first)
            list(second)
        trial.check_strangers("first", "second")

    def test_other_thread(self) -> None:
        """Made here, stepped in one thread and then another, closed in a third."""
        with Trial(self, "other_thread") as trial:
            stream = trial.stream()
            in_thread(lambda: next(stream))
            in_thread(lambda: next(stream))
            in_thread(stream.close)
        trial.ended(Outcome.CANCELLED)

    @needs("has_current_span")
    def test_current_in_steps(self) -> None:
        """The span is current inside each step, whatever thread the step runs in."""
        steps: list[Any] = []
        with Trial(self, "current_in_steps") as trial:
            stream = trial.stream(bodies.looking(self.current_span_id, steps, []))
            next(stream)
            in_thread(lambda: next(stream))
            list(stream)
        trial.check_current(steps, "in its steps")

    @needs("has_current_span")
    def test_current_in_clean_up(self) -> None:
        """The span is current inside the body's own clean-up."""
        clean_up: list[Any] = []
        with Trial(self, "current_in_clean_up") as trial:
            stream = trial.stream(bodies.looking(self.current_span_id, [], clean_up))
            next(stream)
            in_thread(stream.close)
        trial.check_current(clean_up, "in the clean-up of its body")

    @needs("has_current_span")
    def test_current_between_chunks(self) -> None:
        """The span is not current between chunks."""
        with Trial(self, "current_between_chunks") as trial:
            for _ in trial.stream():
                trial.check_surroundings("between two chunks")
            trial.check_surroundings("after the last chunk")

    @needs("has_current_span")
    def test_current_after_nested(self) -> None:
        """When a stream inside a step has ended, the outer stream's span is current again."""
        steps: list[Any] = []
        with Trial(self, "current_after_nested") as trial:
            inside = bodies.around(
                lambda: list(trial.stream(name="inner")), self.current_span_id, steps
            )
            list(trial.stream(inside))
        trial.check_current(steps, "before and after a stream inside its step")

    @needs("has_current_span")
    def test_current_after_collector(self) -> None:
        """The same when the garbage collector closes a stream inside a step."""
        steps: list[Any] = []
        with Trial(self, "current_after_collector") as trial:
            bodies.lose(trial.stream(name="lost"))
            list(trial.stream(bodies.around(gc.collect, self.current_span_id, steps)))
        trial.check_current(steps, "before and after the collector closed another stream")
