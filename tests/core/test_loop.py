"""The loop of an async body: found without importing asyncio, and asked while it runs."""

import asyncio
import sys
from contextvars import copy_context

from core_fakes import in_thread
from streaminstr._calls import cancellation
from streaminstr._calls import loop as loops


async def nothing():
    """What is never started must not be made either: it would warn that it was never awaited."""


def test_where_nobody_has_loaded_asyncio_no_loop_runs(monkeypatch):
    monkeypatch.delitem(sys.modules, "asyncio")
    assert loops.running() is None


def test_where_asyncio_is_loaded_a_loop_runs_in_its_own_thread_only():
    async def main():
        assert loops.running() is asyncio.get_running_loop()
        return await asyncio.to_thread(loops.running)

    assert loops.running() is None
    assert asyncio.run(main()) is None


def test_a_loop_is_alive_while_it_runs():
    async def main():
        loop = asyncio.get_running_loop()
        return loop, loops.is_alive(loop)

    loop, alive = asyncio.run(main())
    assert (alive, loops.is_alive(loop), loops.is_alive(None)) == (True, False, False)


def test_nothing_is_spawned_where_there_is_no_loop():
    assert loops.spawn(None, nothing, copy_context()) is False


def test_nothing_is_spawned_on_a_loop_that_does_not_run():
    loop = asyncio.new_event_loop()
    assert loops.spawn(loop, nothing, copy_context()) is False
    loop.close()


def test_nothing_is_spawned_on_a_loop_that_closes_as_it_is_asked(monkeypatch):
    loop = asyncio.new_event_loop()
    loop.close()
    monkeypatch.setattr(loop, "is_running", lambda: True)
    assert loops.spawn(loop, nothing, copy_context()) is False


def test_what_is_spawned_is_held_until_it_is_done():
    async def main():
        done = asyncio.Event()

        async def task():
            done.set()

        assert in_thread(loops.spawn, asyncio.get_running_loop(), task, copy_context())
        await done.wait()
        held = len(loops._tasks)
        await asyncio.sleep(0)
        return held, len(loops._tasks)

    before = len(loops._tasks)
    # Debugging, asyncio refuses what is not safe from another thread.
    assert asyncio.run(main(), debug=True) == (before + 1, before)


def test_what_cancels_is_looked_for_in_what_is_loaded_only(monkeypatch):
    for module in ("trio", "greenlet"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert list(cancellation._cancellations()) == [asyncio.CancelledError]
