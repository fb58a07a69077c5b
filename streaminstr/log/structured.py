"""The structlog half: what contextvars do not carry, and a logger that carries it by itself.

`structlog.threadlocal` is deprecated, and its authors keep it all the same (structlog#591). Its
public functions warn at each call, and a warning filter of ours would be everybody's, so that
its three attributes are used directly: `_CONTEXT`, and `_tl` and `_dict_class` of a class that
`wrap_dict` made. They are older than the deprecation.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from streaminstr.log.origin import Line, Origin
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
    """What makes of a Context the function that runs a step in it.

    Where thread-local bindings are in use, it captures those of the place where it is called.
    """
    installed()  # here and not in the first request: it takes a tenth of a second
    return _run_in


def _run_in(context: Context) -> Callable[..., Any]:
    if "structlog.threadlocal" not in sys.modules:
        return context.run
    held = thread_locals()
    run: Callable[..., Any] = context.run
    if held is None:
        return run
    run(_in_use.set, True)
    # Swapped outside of the Context: while it is left, nothing of Python's runs any more.
    return partial(held.run, run)


def bind(fields: Mapping[str, Attribute]) -> ThreadLocals | None:
    """Put `fields` on each line that structlog emits here; gives what is bound thread-locally."""
    structlog = installed()
    if structlog is None:
        return None
    structlog.contextvars.bind_contextvars(**fields)
    slots = _slots() if _in_use.get() else ()
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
        found = getattr(self.local, self.name, None)
        if found is None:
            found = self.make()
            setattr(self.local, self.name, found)
        return found

    def put(self, bindings: Any) -> Any:
        """Make `bindings` this thread's dict; gives the one that it was before."""
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

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `function` with them in force; what it binds is kept for the next call."""
        outer = [(slot, slot.put(bindings)) for slot, bindings in self._held]
        try:
            return function(*args, **kwargs)
        finally:
            self._held = [(slot, slot.put(bindings)) for slot, bindings in outer]


def thread_locals() -> ThreadLocals | None:
    """What is bound to this thread, or None where that mode is not in use."""
    slots = _slots()
    return ThreadLocals(slots) if slots else None


def is_thread_local() -> bool:
    """Whether structlog may have bound something to a thread."""
    return bool(_slots())


def _slots() -> tuple[Slot, ...]:
    """Where structlog, as it is configured now, may find thread-local bindings."""
    threadlocal = sys.modules.get("structlog.threadlocal")
    if threadlocal is None:
        return ()
    slots: tuple[Slot, ...] = ()
    configured = sys.modules["structlog"].get_config()
    made = configured["context_class"]
    if hasattr(made, "_tl"):  # by wrap_dict
        slots = (Slot(made._tl, "dict_", made._dict_class),)  # noqa: SLF001 - see the top
    common = threadlocal._CONTEXT  # noqa: SLF001 - see the top
    if getattr(common, "context", None) or (
        threadlocal.merge_threadlocal in configured["processors"]
    ):
        slots = (*slots, Slot(common, "context", dict))
    return slots


def bound_logger(name: str, origin: Origin) -> Any:
    """A structlog logger with the bindings of `origin` and the stream's name."""
    structlog = installed()
    line = origin.line
    bindings = Bindings.of(origin, origin.run(_all_bound))
    bindings.update({} if line is None else line.fields, stream=name)
    configured = structlog.get_config()
    return structlog.wrap_logger(
        None,
        processors=_processors(configured["processors"], origin),
        wrapper_class=_placed(configured["wrapper_class"]),
        context_class=lambda _: bindings,
        logger_factory_args=("streaminstr",),
    ).bind()


def _processors(configured: Any, origin: Origin) -> Any:
    """Those of a stream's logger: None, for what is configured, unless ddtrace has patched that."""
    patched = [getattr(one, "__module__", "").startswith("ddtrace.") for one in configured]
    if True not in patched:
        return None
    after = patched.index(True) + 1
    return [*configured[:after], partial(_put_ids_back, origin), *configured[after:]]


def _put_ids_back(origin: Origin, _: Any, __: str, event: Any) -> Any:
    """A processor after ddtrace's, which writes "0" when the stream's span has finished."""
    fields = {} if origin.line is None else origin.line.fields
    event.update({name: value for name, value in fields.items() if event.get(name) == "0"})
    return event


def _all_bound() -> dict[str, Any]:
    bound: dict[str, Any] = installed().contextvars.get_contextvars()
    for slot in _slots():
        bound.update(slot.bindings())
    return bound


class Bindings(dict[str, Any]):
    """The context of a logger, which knows the stream that it is from."""

    __slots__ = ("line", "origin")
    origin: Origin
    line: Line | None
    """The stream's fields that are in it; None: it was made before the first step."""

    def __init__(self, source: Bindings, /, **new: Any) -> None:
        """What structlog makes for `logger.bind(**new)`."""
        super().__init__(source, **new)
        self.origin, self.line = source.origin, source.line

    @classmethod
    def of(cls, origin: Origin, bound: Mapping[str, Any]) -> Bindings:
        """`bound`, with the origin."""
        made = cls.__new__(cls)
        made.update(bound)
        made.origin, made.line = origin, origin.line
        return made

    def late(self) -> dict[str, Any]:
        """The stream's fields that this logger does not carry, having been made before them."""
        line = self.origin.line
        if line is self.line or line is None:
            return {}
        return {name: value for name, value in line.fields.items() if name not in self}


class _Placed:
    """Mixed into a logger class: each line is made where the bindings of its stream are in force.

    Otherwise `merge_contextvars` would add what another request has bound, and the log injection
    of a vendor the ids of another span. Structlog documents `_proxy_to_logger` for wrappers.
    """

    _context: Bindings

    @property
    def _proxy_to_logger(self) -> Callable[..., Any]:
        proxy: Callable[..., Any] = super()._proxy_to_logger  # type: ignore[misc]
        return partial(self._context.origin.run, partial(proxy, **self._context.late()))


def _method(self: Any, name: str) -> Callable[..., Any]:
    """Instead of `structlog.BoundLogger.__getattr__`, which keeps what may be used only once."""
    return partial(self._proxy_to_logger, name)


@cache
def _placed(wrapper: Any) -> Any:
    """The logger class `wrapper`, placed; a factory of one's own stays as it is."""
    if not isinstance(wrapper, type):
        return wrapper
    generic = issubclass(wrapper, installed().BoundLogger)
    return type(
        f"Stream{wrapper.__name__}",
        (_Placed, wrapper),
        {"__getattr__": _method} if generic else {},
    )
