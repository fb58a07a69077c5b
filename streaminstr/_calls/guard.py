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
from collections.abc import Awaitable, Callable
from functools import partial
from traceback import walk_tb
from typing import Any, TypeVar

from streaminstr._calls.cancellation import consists_of
from streaminstr._calls.loop import cancel_requests

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
    entering: list[Any] = []
    try:
        function = getattr(owner, method)
        if held:
            entering = held[-1:]
            del held[-1]
        return function(*arguments)
    except BaseException as error:
        # Nothing is called here: the stack may be full, so that the method was not entered.
        is_here = error.__traceback__ is not None and error.__traceback__.tb_next is None
        if held is not None and is_here and error.__class__ is RecursionError:
            held += entering  # pragma: no cover - coverage loses its tracer where the stack is full
            raise  # pragma: no cover
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
        ends = {GeneratorExit}
        if cancel_requests() == asked:
            ends.add(getattr(sys.modules.get("asyncio"), "CancelledError", GeneratorExit))
        if not consists_of(error, (Exception, *ends)) or _is_of_a_signal(error):
            raise
        if not consists_of(error, tuple(ends)):
            log_once(_name_of(function), type(error).__name__, error)


def log_once(name: str, problem: str, error: BaseException | None = None) -> None:
    """Count a misbehaviour of `name`, and log the first of its kind.

    Logging can fail too, so it is guarded as well. The recursion stops at the second error of a
    kind, which is only counted.
    """
    kind = f"{name}: {problem}"
    errors[kind] += 1
    if errors[kind] == 1:
        message = "%s. The response goes on without it; this is logged once for each kind."
        guarded(partial(logger.error, message, kind, exc_info=error), default=None)


def _is_its_own(error: BaseException) -> bool:
    """Whether the called code raised `error` itself.

    The exception of a signal handler has the handler's frame in its traceback. A BaseException is
    the code's own if a `raise` statement raised it. A greenlet switch, an interrupt or a
    cancellation comes from outside.
    """
    if _is_of_a_signal(error):
        return False
    return isinstance(error, (Exception, SystemExit)) or _was_raised(error.__traceback__)


def _is_of_a_signal(error: BaseException) -> bool:
    handlers = _signal_handlers()
    return any(frame.f_code in handlers for frame, _ in walk_tb(error.__traceback__))


def _signal_handlers() -> set[Any]:
    """The code of each handler, which is a function, a method or an object with a `__call__`."""
    handlers = list(filter(callable, map(signal.getsignal, signal.valid_signals())))
    called = [*handlers, *(type(one).__call__ for one in handlers)]
    return {getattr(one, "__code__", None) for one in called}


def _was_raised(traceback: Any) -> bool:
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    opcode = traceback.tb_frame.f_code.co_code[traceback.tb_lasti]
    return dis.opname[opcode] in {"RAISE_VARARGS", "RERAISE"}


def _name_of(function: Callable[..., Any]) -> str:
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", type(function).__name__)
    if owner is None:
        return f"{getattr(function, '__module__', '?')}.{name}"
    return f"{_type_name(owner)}.{name}"


def _type_name(owner: object) -> str:
    return f"{type(owner).__module__}.{type(owner).__qualname__}"
