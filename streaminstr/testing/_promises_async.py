"""Promises: async bodies. Each test runs an event loop of its own, so that no plugin is needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from streaminstr.testing import _bodies as bodies
from streaminstr.testing._hooks import Hooks, needs
from streaminstr.testing._trial import Trial
from streaminstr.types import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncEnds(Hooks):
    """The same as for bodies without an event loop, task by task."""

    def test_async_completed(self) -> None:
        """An async body that was exhausted."""
        with Trial(self, "async_completed") as trial:
            asyncio.run(bodies.async_drain(trial.stream(bodies.async_chunks())))
        trial.ended(Outcome.COMPLETED)

    def test_async_failed(self) -> None:
        """An exception that came out of a step."""
        with Trial(self, "async_failed") as trial:
            asyncio.run(bodies.async_drain(trial.stream(bodies.async_failing())))
        trial.ended(Outcome.FAILED)

    def test_async_cancelled(self) -> None:
        """A task that was cancelled while it waited in a step."""

        async def cancel(stream: Callable[[Any], Any]) -> None:
            waits = asyncio.Event()
            task = asyncio.create_task(bodies.async_drain(stream(bodies.async_waiting(waits))))
            await waits.wait()
            task.cancel()
            await asyncio.wait([task])

        with Trial(self, "async_cancelled") as trial:
            asyncio.run(cancel(trial.stream))
        trial.ended(Outcome.CANCELLED)

    def test_async_abandoned(self) -> None:
        """An async stream that was dropped."""
        with Trial(self, "async_abandoned") as trial:
            asyncio.run(bodies.async_lose(trial.stream))
        trial.ended(Outcome.ABANDONED)

    def test_other_task(self) -> None:
        """Made in one task, stepped in another and then another, closed in a fourth."""

        async def hand_round(stream: Any) -> None:
            await asyncio.create_task(bodies.step(stream))
            await asyncio.create_task(bodies.step(stream))
            await asyncio.create_task(stream.aclose())

        with Trial(self, "other_task") as trial:
            asyncio.run(hand_round(trial.stream(bodies.async_chunks())))
        trial.ended(Outcome.CANCELLED)

    def test_async_closed_by_thread(self) -> None:
        """Stepped by a task and closed from a thread, as Django does it."""
        with Trial(self, "async_closed_by_thread") as trial:
            asyncio.run(bodies.step_and_close(trial.stream(bodies.async_chunks())))
        trial.ended(Outcome.CANCELLED)

    @needs("has_parents")
    def test_async_nested(self) -> None:
        """An async stream that is made in the step of another is its child."""

        async def outer(stream: Callable[..., Any]) -> Any:
            async for chunk in stream(bodies.async_chunks(), name="inner"):
                yield chunk

        with Trial(self, "async_nested") as trial:
            asyncio.run(bodies.async_drain(trial.stream(outer(trial.stream))))
        trial.check_parent("inner", "promised")

    @needs("has_current_span")
    def test_async_current(self) -> None:
        """The span is current before and after an await in a step, and in the clean-up."""
        seen: list[Any] = []
        with Trial(self, "async_current") as trial:
            body = bodies.async_looking(self.current_span_id, seen, seen)
            asyncio.run(bodies.step_and_close(trial.stream(body)))
        trial.check_current(seen, "in its steps and clean-up")

    def test_async_interleaved(self) -> None:
        """Two tasks take turns with their streams, and see nothing of them between chunks."""

        async def step_all(stream: Any) -> None:
            async for _ in stream:
                trial.check_surroundings("between two chunks")
                await asyncio.sleep(0)

        async def both() -> None:
            names = ("first", "second")
            streams = [trial.stream(bodies.async_chunks(), name=name) for name in names]
            await asyncio.gather(*map(step_all, streams))

        with Trial(self, "async_interleaved") as trial:
            asyncio.run(both())
        trial.ended(Outcome.COMPLETED, name="first")
        trial.ended(Outcome.COMPLETED, name="second")
