"""Finds where a body waits: the frames from the body down to what it awaits, from outside.

A suspended generator or coroutine has a frame, and refers to what it waits for. The awaitable of an
async generator's step is an interpreter object without such attributes, but the garbage collector
knows what it refers to. A running step is found on the stack of its thread.

Rules: no variable of a body is read, and none of its methods is called; the next link is found by
type. Frames are dropped before the next stream is looked at, because a frame keeps its variables
alive and would finalize them in the wrong thread.
"""

from __future__ import annotations

import gc
import sys
from inspect import CO_COROUTINE
from types import AsyncGeneratorType, BuiltinFunctionType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from streaminstr._calls.cleanup import CLEANED
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.ends import Ends
from streaminstr._core.step import AsyncStep, Step
from streaminstr._core.stream import Stream
from streaminstr._core.within import relay
from streaminstr._process.frames import NET, directory, in_words, place_of
from streaminstr._speedups import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from streaminstr._process.frames import Place

_UNSEEN: Any = object()
"""A link that is there and cannot be seen."""
_MOST = 100
"""Links that are followed: tasks may wait for each other."""
_KINDS: dict[type, tuple[str, str, str | None]] = {
    GeneratorType: ("gi_frame", "gi_yieldfrom", "gi_running"),
    CoroutineType: ("cr_frame", "cr_await", "cr_running"),
    # `ag_running` is true of a step that waits, too.
    AsyncGeneratorType: ("ag_frame", "ag_await", None),
}
"""Where each kind that has a frame keeps it, what it waits for, and whether it is running."""
_AWAITING: Any = None if compiled is None else compiled.Awaiting
"""The compiled step of an async body, which has the names of a coroutine and no frame."""
if _AWAITING is not None:
    _KINDS[_AWAITING] = _KINDS[CoroutineType]
_TRANSPARENT = {"builtins", "itertools", "_asyncio"}
"""Modules whose iterators and awaitables have no frame, and refer to what they step."""
_STEPPABLE = {"coroutine_wrapper", "generator", "async_generator_asend", "async_generator_athrow"}
"""Names of the types that are stepped by hand in `relay`. Some have no other name."""
_STEP = getattr(AsyncStep.step, "__code__", None)
_STEPS = {
    getattr(function, "__code__", None)
    for function in (
        *(Step.step, AsyncStep.step, Stream.prime, AsyncStream.aprime),
        *(Ends._stop, AsyncStream._astop),  # noqa: SLF001 - their code alone is used
    )
}
"""The code under which the body of a stream runs, whose `self` is the stream. A compiled step has
none, and says in `stepped_from` which frame called it."""


class Look:
    """One look at all threads, and then at any number of streams."""

    def __init__(self) -> None:
        self._cwd = directory()
        self._streams: dict[int, tuple[list[Place], int]] = {}
        self._coroutines: dict[int, tuple[list[Place], int]] = {}
        self._frames: dict[int, tuple[list[Place], int]] = {}
        """By the ids of streams, of frames and of what they have called: the frames of a thread,
        innermost first, and how many of them are below that one."""
        for frame in sys._current_frames().values():  # noqa: SLF001 - the documented name
            self._note(frame)
        del frame  # one of them is the frame of this call

    def waits_of(self, stream: Any) -> tuple[tuple[str, ...], str]:
        """Where the body of `stream` waits, and the innermost place of the application in that."""
        places: tuple[Place | None, ...]
        if not isinstance(stream, Ends):
            places = self._of_pushed(stream)
        elif (inner := self._inside(stream)) is not None:
            places = _outermost_first(*inner)
        else:
            places = _places(_first_link(stream))
        return in_words(places, self._cwd)

    def _inside(self, stream: Any) -> tuple[list[Place], int] | None:
        """The frames of the step that is running."""
        caller = getattr(stream, "stepped_from", 0)
        return self._streams.get(id(stream)) or (self._frames.get(caller) if caller else None)

    def _note(self, innermost: FrameType) -> None:
        """Note what a thread runs: which streams it steps, and which coroutines."""
        frame: FrameType | None = innermost
        inner: list[Place] = []
        while frame is not None:
            code = frame.f_code
            if code in _STEPS:
                # A copy, up to Python 3.12, which the frame keeps; it is gone with the step.
                self._streams[id(frame.f_locals.get("self"))] = inner, len(inner)
            if _AWAITING is not None:
                self._frames[id(frame)] = inner, len(inner)
            inner.append(place_of(frame))
            if code.co_flags & CO_COROUTINE:
                self._coroutines[id(frame)] = inner, len(inner)
            frame = frame.f_back

    def _of_pushed(self, stream: Any) -> tuple[Place | None, ...]:
        """The frames of the application's call, which is what makes the chunks."""
        coroutine = stream.caller and stream.caller()
        if coroutine is None:
            return (None,)
        inner = self._coroutines.get(id(getattr(coroutine, "cr_frame", None)))
        places = _places(coroutine) if inner is None else _outermost_first(*inner)
        files = [place and place[0] for place in places]
        return places[files.index(NET) :] if NET in files else places


def _outermost_first(inner: list[Place], count: int) -> tuple[Place, ...]:
    return tuple(inner[:count][::-1])


def _places(first: Any) -> tuple[Place | None, ...]:
    """The places of `first`, of what it waits for, and so on; None where no one can look."""
    places: list[Place | None] = []
    link = first
    for _ in range(_MOST):
        if link is None:
            return tuple(places)
        kind = _KINDS.get(type(link))
        if kind is not None and (frame := getattr(link, kind[0])) is not None:
            places.append(place_of(frame))
            del frame
        link = _next_link(link, kind)
        if link is _UNSEEN:
            break
    return (*places, None)


def _next_link(link: Any, kind: tuple[str, str, str | None] | None) -> Any:
    """What a link waits for; None for nothing, or for what ends a chain: a future, a loop."""
    if kind is None:
        return _inside(link)
    _, waits_for, is_running = kind
    if is_running is not None and getattr(link, is_running):
        return _UNSEEN  # in a greenlet, or since the threads were looked at
    if waits_for == "gi_yieldfrom" and link.gi_code is relay.__code__:
        return _driven_by(link)
    return getattr(link, waits_for)


def _inside(link: Any) -> Any:
    """What a link without a frame steps or waits for."""
    kind = type(link)
    if issubclass(kind, Ends):
        return _first_link(link)
    if _is_future(link):
        return sys.modules["asyncio"].Task.get_coro(link) if _is_task(link) else None
    return _stepped_by(link) if kind.__module__ in _TRANSPARENT else _UNSEEN


def _first_link(stream: Any) -> Any:
    """What a stream steps: the iterator, or the body before there is one."""
    if stream._closers is CLEANED:  # noqa: SLF001 - see below
        return _UNSEEN  # the clean-up of the body, which nothing refers to
    # Each is read once: the stream may go on meanwhile.
    primed, iterator, body = stream._primed, stream._iterator, stream._body  # noqa: SLF001 - every kind has them
    target = body if iterator is None else iterator
    target = target if primed is None else primed[1]
    if isinstance(stream, AsyncStep) and not _has_frames(target):
        return _waiting_step(stream) or target
    return target


def _waiting_step(stream: Any) -> Any:
    """The step that waits, by way of the task which what it awaits will wake."""
    for one in gc.get_referents(stream.awaited):
        task = one.__self__ if type(one) is BuiltinFunctionType else None
        if _is_task(task):
            link = sys.modules["asyncio"].Task.get_coro(task)
            for _ in range(_MOST):
                if _is_step_of(stream, link):
                    return link
                link = _next_link(link, _KINDS.get(type(link)))
    return None


def _driven_by(link: Any) -> Any:
    """What `relay` steps by hand."""
    return _only([one for one in gc.get_referents(link) if type(one).__name__ in _STEPPABLE])


def _stepped_by(link: Any) -> Any:
    """What an iterator or awaitable of Python's own steps: with frames, else one of its kind."""
    contents = list(_contents(link))
    return _only(list(filter(_has_frames, contents)) or list(filter(_is_transparent, contents)))


def _only(links: list[Any]) -> Any:
    return links[0] if len(links) == 1 else _UNSEEN


def _contents(link: Any) -> Iterator[Any]:
    """What `link` refers to; of a tuple, as `map` has one, what is in it."""
    for one in gc.get_referents(link):
        if type(one) is tuple:
            yield from one
        else:
            yield one


def _has_frames(one: Any) -> bool:
    return type(one) in _KINDS or issubclass(type(one), Ends) or _is_future(one)


def _is_transparent(one: Any) -> bool:
    kind = type(one)
    steps = hasattr(kind, "__next__") or hasattr(kind, "__await__")
    return steps and kind.__module__ in _TRANSPARENT


def _is_future(one: Any) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and issubclass(type(one), asyncio.Future)


def _is_task(one: Any) -> bool:
    return _is_future(one) and issubclass(type(one), sys.modules["asyncio"].Task)


def _is_step_of(stream: Any, link: Any) -> bool:
    is_step = type(link) is CoroutineType and link.cr_code is _STEP
    if not is_step and type(link) is not _AWAITING:
        return False
    return any(one is stream for one in gc.get_referents(link))
