"""What asgiref keeps in a Context: what belongs to a place stays there, the rest travels.

Django's own state is in asgiref's hands. A copy of the Context carries all of it, and two things
in it are bound to where they were set.

Rule 1: what belongs to a place does not travel. A place is a thread with the executors that
asgiref would hand sync code to there, and the guard against deadlocks between them. A step or a
clean-up that comes from another place than the last one takes these values from its caller.

Rule 2: what belongs to the request travels. asgiref 3.12 and newer tag the value of a `Local`
(language, time zone, tenant) with its thread and hide it in every other one. Where the thread
changes, the values are tagged anew, as asgiref does when it moves work between threads itself.

asgiref has no public way to say either. Only this file knows how it does it. It looks asgiref up
in `sys.modules`: if it was never imported, no Context holds anything of it. Where its values are
kept is found by setting one in an empty Context, not by name. A version that does it otherwise is
named in one log line, and what cannot be found is left alone.
"""

from __future__ import annotations

import sys
import threading
from contextvars import Context, ContextVar
from functools import cache, partial
from itertools import compress
from operator import call
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from streaminstr._calls.guard import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NONE: Any = object()
"""No argument; the executors of no place."""


def copy_here(context: Context, left: int) -> Context:
    """A copy of `context`, last used in the thread `left`, for use in the calling thread."""
    copied = context.copy()
    if threading.get_ident() != left and (names := _names()) is not None:
        copied.run(_settle, copied, names, left, *names.here())
    return copied


def tagged_thread() -> int:
    """The calling thread, for `copy_here`; 0 where asgiref, which tags values, is not loaded."""
    return 0 if _names() is None else threading.get_ident()


def place(context: Context, run: Callable[..., Any]) -> Place | None:
    """The place of a stream that is made here; None where asgiref is not loaded."""
    names = _names()
    return None if names is None else _type_of_place(names)(context, run)


class Place:
    """Where one stream was stepped last, and the way into its Context from each other place.

    Called with a function of at most one argument, it runs that in the stream's Context.
    """

    __slots__ = ("context", "executors", "pool", "run", "thread")
    names: ClassVar[Names]
    way: Callable[[], Callable[..., Any]]
    """Returns what runs a function in the stream's Context, from the caller's place.

    It is called for each step, and looks first: `run` is enough if that comes from the place of the
    last one. The thread is asked of `threading` each time, as asgiref does, since gevent replaces
    `get_ident`.
    """

    def __init__(self, context: Context, run: Callable[..., Any]) -> None:
        """`run` calls a function in `context`, which is the stream's."""
        self.context, self.run = context, run
        self.thread = threading.get_ident()
        self.executors = _NONE  # so that the first step takes those of its caller
        self.pool: Any = None

    def __call__(self, function: Any, argument: Any = _NONE, /) -> Any:
        try:
            run = self.way()
            return run(function) if argument is _NONE else run(function, argument)
        finally:
            function = argument = None  # no reference cycle through a traceback

    def copy(self, context: Context) -> Context:
        """A copy of `context`, the stream's, for use in the calling thread."""
        left = self.thread
        return context.copy() if threading.get_ident() == left else copy_here(context, left)

    def copy_for_task(self, context: Context) -> Context:
        """A copy for a new task of the loop that steps the stream, made in any thread.

        No executor waits for such a task: asgiref chooses one as for any other task.
        """
        copied = context.copy()
        thread, pool = self.thread, copied.get(self.names.pool)
        copied.run(_settle, copied, self.names, thread, thread, None, pool, None)
        return copied

    def run_anew(self, function: Any, *argument: Any) -> Any:
        """Run `function` in the stream's Context, at a place that is new to it."""
        try:
            return self.run(next, self._settle_first(partial(function, *argument)))
        finally:
            del function, argument  # no reference cycle through a traceback

    def _settle_first(self, function: Callable[[], Any]) -> Iterator[Any]:
        """What comes to the caller's place and then calls `function`, at `next`.

        Both in one entry: otherwise another thread could take the stream elsewhere in between. And
        with no frame of Python's round `function`: no thread may have its turn between the end of
        a step and the leaving of the Context, or its `close` could be missed.
        """
        settle = partial(self._arrive, self.names.here())
        both: Iterator[Any] = map(call, (settle, function))  # type: ignore[arg-type]  # any callable
        return compress(both, (False, True))

    def _arrive(self, here: tuple[Any, ...]) -> None:
        """Come to the place `here`. This changes only while the Context is entered."""
        _settle(self.context, self.names, self.thread, *here)
        self.thread, self.executors, self.pool, _ = here


@cache
def _type_of_place(where: Names) -> type[Place]:
    """What all places share takes no memory of each stream, and is at hand at each step."""
    executors, pool = where.executors.get, where.pool.get

    class Here(Place):
        __slots__ = ()
        names = where

        def way(self) -> Callable[..., Any]:
            if (
                executors(None) is self.executors
                and threading.get_ident() == self.thread
                and pool(None) is self.pool
            ):
                return self.run
            return self.run_anew

    return Here


class Names(NamedTuple):
    """Where the asgiref that is installed keeps what."""

    executors: ContextVar[Any]
    """The content of `AsyncToSync.executors`: who runs sync code for async code."""
    pool: ContextVar[Any]
    """The `ThreadSensitiveContext`, which stands for a thread pool."""
    waits: ContextVar[bool]
    """Whether the one thread for sync code waits for async code: the deadlock guard."""
    stored: Any
    """The type of a Local's value; None where it has no tag (before 3.12)."""

    def here(self) -> tuple[int, Any, Any, bool | None]:
        """The caller's place: its thread, executors, pool and guard, None where it has none."""
        thread = threading.get_ident()
        return (thread, self.executors.get(None), self.pool.get(None), self.waits.get(None))


def _settle(
    context: Context,
    names: Names,
    left: int,
    thread: int,
    executors: Any,
    pool: Any,
    waits: bool | None,
) -> None:
    """Make `context`, the current one, fit for a place; it was last in the thread `left`."""
    stored = names.stored
    if thread != left and stored is not None:
        for variable, value in context.items():
            # What was hidden in the last place stays hidden.
            if type(value) is stored and value.thread_id == left:
                variable.set(stored(thread, value.data))
    # A variable cannot be unset by value: it is set to what asgiref takes for nothing.
    if names.executors.get(None) is not executors:
        if executors is None:  # a new object each time: asgiref 3.8 changes it in place
            executors = {} if stored is None else stored(thread, {})
        names.executors.set(executors)
    if names.pool.get(None) is not pool:
        names.pool.set(pool)
    if names.waits.get(None) is not waits:
        names.waits.set(waits or False)


def _names() -> Names | None:
    sync = sys.modules.get("asgiref.sync")
    # `sync_to_async` is defined last: until then the module is still being imported.
    return _look_into(sync) if hasattr(sync, "sync_to_async") else None


@cache
def _look_into(sync: Any) -> Names:
    """Find the names in `asgiref.sync`; logs once what it does not find."""
    changed: list[str] = []
    executors, stored = _inside(sync, changed)
    names = Names(
        executors,
        _variable(sync, "thread_sensitive_context", changed),
        _variable(sync, "deadlock_context", changed),
        stored,
    )
    if changed:
        logger.warning(
            "The installed asgiref does not have %s as streaminstr knows it. Streams that use "
            "sync_to_async, or that are stepped in several threads, may fail or lose values.",
            ", ".join(changed),
        )
    return names


def _inside(sync: Any, changed: list[str]) -> tuple[ContextVar[Any], Any]:
    """The variable behind `AsyncToSync.executors`, and the type of what it holds."""
    empty = Context()
    try:
        empty.run(setattr, sync.AsyncToSync.executors, "current", None)
        ((variable, value),) = empty.items()
        if type(value) is dict:
            return variable, None
        moved = type(value)(value.thread_id + 1, value.data)
        if (moved.thread_id, moved.data) == (value.thread_id + 1, {"current": None}):
            return variable, type(value)
    except (AttributeError, TypeError, ValueError):
        pass
    changed.append("Local")
    return ContextVar("unknown"), None


def _variable(sync: Any, name: str, changed: list[str]) -> ContextVar[Any]:
    variable = getattr(getattr(sync, "SyncToAsync", None), name, None)
    if isinstance(variable, ContextVar):
        return variable
    changed.append(f"SyncToAsync.{name}")
    return ContextVar("unknown")
