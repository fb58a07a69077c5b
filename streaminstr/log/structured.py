"""structlog's thread-local bindings, which a Context does not carry.

`structlog.threadlocal` is deprecated, and its authors keep it (structlog#591). Its public functions
warn at each call, and a warning filter of ours would apply to the whole process. So its three
attributes are used directly: `_CONTEXT`, and `_tl` and `_dict_class` of a class that `wrap_dict`
makes. They are older than the deprecation.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from streaminstr.types import Attribute

_ABSENT: Any = object()
_in_use: ContextVar[bool] = ContextVar("thread_local_in_use", default=False)
"""Whether thread-local bindings were captured for the stream that is running here."""


@cache
def installed() -> Any:
    """The library, or None where it is not installed."""
    try:
        import structlog  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        return None
    return structlog


def runner() -> Callable[[Context], Callable[..., Any]]:
    """Return what makes of a Context the function that runs a step in it.

    Where thread-local bindings are in use, it captures those of the place where it is called.
    """
    # Asked here and not in the first request: the import takes a tenth of a second.
    return attrgetter("run") if installed() is None else _run_in


def _run_in(context: Context) -> Callable[..., Any]:
    run: Callable[..., Any] = context.run
    if not (slots := slots_in_use()):
        return run
    run(_in_use.set, True)
    # The bindings are swapped outside of the Context, so that no Python code runs while it is left.
    return partial(ThreadLocals(slots).run, run)


def bind(fields: Mapping[str, Attribute]) -> ThreadLocals | None:
    """Put `fields` on each line that structlog emits here; return the thread-local bindings."""
    structlog = installed()
    if structlog is None:
        return None
    if fields:
        structlog.contextvars.bind_contextvars(**fields)
    slots = slots_in_use() if _in_use.get() else ()
    for slot in slots:
        slot.bindings().update(fields)
    return ThreadLocals(slots) if slots else None


class Slot(NamedTuple):
    """One place where structlog keeps a dict of bindings for each thread."""

    local: Any
    name: str
    make: Callable[[], Any]

    def bindings(self) -> Any:
        """The dict of this thread."""
        bindings = getattr(self.local, self.name, None)
        if bindings is None:
            bindings = self.make()
            setattr(self.local, self.name, bindings)
        return bindings

    def put(self, bindings: Any) -> Any:
        """Make `bindings` this thread's dict; return the one before it."""
        before = getattr(self.local, self.name, _ABSENT)
        if bindings is _ABSENT:
            delattr(self.local, self.name)
        else:
            setattr(self.local, self.name, bindings)
        return before


class ThreadLocals:
    """The thread-local bindings of one stream, a copy of those where it was made."""

    __slots__ = ("_held",)

    def __init__(self, slots: tuple[Slot, ...]) -> None:
        self._held = [(slot, slot.bindings().copy()) for slot in slots]

    def with_fields(self, fields: Mapping[str, Attribute]) -> ThreadLocals:
        """Others, with `fields` too. Another thread may be using these."""
        others = ThreadLocals(())
        others._held = [(slot, slot.make()) for slot, _ in self._held]
        for (_, bindings), (_, held) in zip(others._held, self._held, strict=True):
            bindings.update({} if held is _ABSENT else held, **fields)
        return others

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `function` with them in force; what it binds is kept for the next call."""
        outer = [(slot, slot.put(bindings)) for slot, bindings in self._held]
        try:
            return function(*args, **kwargs)
        finally:
            self._held = [(slot, slot.put(bindings)) for slot, bindings in outer]


def is_thread_local() -> bool:
    """Whether structlog may have bound something to a thread."""
    return bool(slots_in_use())


def all_bound() -> dict[str, Any]:
    """What structlog has bound here, in whichever mode; nothing where it is not installed."""
    structlog = installed()
    if structlog is None:
        return {}
    bound: dict[str, Any] = structlog.contextvars.get_contextvars()
    for slot in slots_in_use():
        bound.update(slot.bindings())
    return bound


def slots_in_use() -> tuple[Slot, ...]:
    """Where structlog, as it is configured now, may find thread-local bindings."""
    threadlocal = sys.modules.get("structlog.threadlocal")
    if threadlocal is None:
        return ()
    slots: tuple[Slot, ...] = ()
    configured = sys.modules["structlog"].get_config()
    kind = configured["context_class"]
    if kind is not dict and hasattr(kind, "_tl"):  # of wrap_dict
        slots = (Slot(kind._tl, "dict_", kind._dict_class),)  # noqa: SLF001 - see the top
    common = threadlocal._CONTEXT  # noqa: SLF001 - see the top
    if vars(common).get("context") or threadlocal.merge_threadlocal in configured["processors"]:
        slots = (*slots, Slot(common, "context", dict))
    return slots
