"""The one place that swallows exceptions: instrumentation never breaks the body.

Rule: an exception that the called code raises itself is swallowed, counted and logged once for
each kind. An exception aimed at the request that happens to run there propagates: a cancellation,
a gevent timeout, the exception of a signal handler.
"""

from __future__ import annotations

import dis
import logging
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from types import CodeType, TracebackType
from typing import Any, TypeVar

from streaminstr._core.loop import cancel_requests

ResultT = TypeVar("ResultT")
DefaultT = TypeVar("DefaultT")

logger = logging.getLogger("streaminstr")
errors: Counter[str] = Counter()
"""Number of swallowed errors by kind, such as `shop.telemetry.MyScope.close: ValueError`."""


def call(
    owner: object, method: str, *arguments: Any, default: DefaultT, held: list[Any] | None = None
) -> Any | DefaultT:
    """Look up and call a method of a backend or scope; `default` if it raises.

    The last element of `held` is removed just before the method is entered. No interrupt can
    arrive between the two, so `held` always contains exactly what was not called.
    """
    entering = None
    try:
        function = getattr(owner, method)
        if held:
            entering = held[-1:]
            del held[-1]
        return function(*arguments)
    except BaseException as error:
        # Nothing is called here: the stack may be full.
        is_here = error.__traceback__ is not None and error.__traceback__.tb_next is None
        if held is not None and entering and is_here and error.__class__ is RecursionError:
            # The method was not entered. Coverage loses its tracer where the stack is full.
            held += entering  # pragma: no cover
        if not _is_its_own(error):
            raise
        log_once(f"{_type_name(owner)}.{method}", type(error).__name__, error)
        return default


def guarded(
    function: Callable[..., ResultT], *arguments: Any, default: DefaultT
) -> ResultT | DefaultT:
    """Call a function; `default` if it raises."""
    try:
        return function(*arguments)
    except BaseException as error:
        if not _is_its_own(error):
            raise
        log_once(_name_of(function), type(error).__name__, error)
        return default


async def guarded_await(function: Callable[[], Awaitable[object]]) -> None:
    """Await a body's clean-up. Its errors are logged and otherwise ignored.

    A cancellation of the awaiting task propagates. A cancellation that the clean-up itself raises,
    for example from a task that it cancelled and awaits, does not.
    """
    asked = cancel_requests()
    try:
        await function()
    except BaseException as error:
        ends = (GeneratorExit, *(_cancelled() if cancel_requests() == asked else ()))
        if not _consists_of((Exception, *ends), error) or _is_of_a_signal(error):
            raise
        if not _consists_of(ends, error):
            log_once(_name_of(function), type(error).__name__, error)


def log_once(name: str, problem: str, error: BaseException | None = None) -> None:
    """Count a misbehaviour of `name`, and log the first of its kind.

    Logging can fail too, so it is guarded as well. The recursion stops at the second error of a
    kind, which is only counted.
    """
    kind = f"{name}: {problem}"
    errors[kind] += 1
    if errors[kind] == 1:
        guarded(_log, kind, error, default=None)


def _log(kind: str, error: BaseException | None) -> None:
    logger.error(
        "%s. The response goes on without it; this is logged once for each kind.",
        kind,
        exc_info=error,
    )


def _is_its_own(error: BaseException) -> bool:
    """Whether the called code raised `error` itself.

    The exception of a signal handler has the handler's frame in its traceback. A BaseException is
    the code's own if a `raise` statement raised it. A greenlet switch, an interrupt or a
    cancellation comes from outside.
    """
    if _is_recursion_of_ours(error):
        return False  # pragma: no cover - see `call`
    if _is_of_a_signal(error):
        return False
    return isinstance(error, (Exception, SystemExit)) or _was_raised(error)


def _is_of_a_signal(error: BaseException) -> bool:
    handlers = _signal_handlers()
    return any(one.tb_frame.f_code in handlers for one in _entries(error.__traceback__))


def _is_recursion_of_ours(error: BaseException) -> bool:
    """Whether the stack was full before the called code was entered."""
    traceback = error.__traceback__
    return isinstance(error, RecursionError) and traceback is not None and not traceback.tb_next


def _was_raised(error: BaseException) -> bool:
    *_, last = _entries(error.__traceback__)
    opcode = last.tb_frame.f_code.co_code[last.tb_lasti]
    return dis.opname[opcode] in {"RAISE_VARARGS", "RERAISE"}


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _signal_handlers() -> set[CodeType]:
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    functions = (getattr(one, "__func__", one) for one in handlers if callable(one))
    codes = (
        getattr(one, "__code__", None) or getattr(type(one).__call__, "__code__", None)
        for one in functions
    )
    return {code for code in codes if code is not None}


def _cancelled() -> Iterator[type[BaseException]]:
    if "asyncio" in sys.modules:  # pragma: no branch - the tests have it
        yield sys.modules["asyncio"].CancelledError


def _consists_of(kinds: tuple[type[BaseException], ...], error: BaseException) -> bool:
    """Whether `error` is of one of the kinds, or an exception group of only such errors."""
    if isinstance(error, BaseExceptionGroup):
        return all(_consists_of(kinds, one) for one in error.exceptions)
    return isinstance(error, kinds)


def _name_of(function: Callable[..., Any]) -> str:
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", type(function).__name__)
    if owner is None:
        return f"{getattr(function, '__module__', '?')}.{name}"
    return f"{_type_name(owner)}.{name}"


def _type_name(owner: object) -> str:
    return f"{type(owner).__module__}.{type(owner).__qualname__}"
