"""Streams: bodies whose every step runs in a private Context, and which end exactly once.

A stream keeps its count in the local variables of a generator, its *pump*, that lives in the
stream's Context. Locals are the cheapest state that Python has, a generator is lazy by itself,
it knows by itself whether it is running, and closing it stops it where it stands.
docs/explanation/core.md tells the whole idea, docs/explanation/speed.md what it costs.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import chain, repeat
from operator import methodcaller
from time import perf_counter as clock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from streaminstr import _loop
from streaminstr._life import Meters, never_stepped
from streaminstr._scope import Outcome

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Iterable

    from streaminstr._life import Life
    from streaminstr._scope import CancelledBy, StreamReport

ChunkT = TypeVar("ChunkT")

if TYPE_CHECKING:

    class _Map(Iterator[ChunkT]):
        def __new__(cls, function: Any, *iterables: Any) -> Any: ...
        def __next__(self) -> ChunkT: ...

else:

    class _Map(map):
        """`map`, as a base class that takes a type argument."""

        __slots__ = ()
        __class_getitem__ = classmethod(lambda cls, _: cls)


_NEXT = repeat(next)


class Stream(_Map[ChunkT]):
    """A body whose steps run in a Context of their own: an iterator with `close`.

    As a `map(context.run, repeat(next), repeat(pump))` its step needs no Python frame but the
    pump's. `send` and `throw` pass through to a generator body.
    """

    __slots__ = ("__weakref__", "_life", "_pump")
    _life: Life
    _pump: Any

    def __new__(cls, life: Life, body: Iterable[ChunkT]) -> Stream[ChunkT]:
        pump = _steps(life, body)
        next(pump)
        stream: Stream[ChunkT] = super().__new__(cls, life.run, _NEXT, repeat(pump))
        stream._life, stream._pump = life, pump
        life.stream = ref(stream)
        return stream

    def send(self, value: Any) -> ChunkT:
        """Resume a generator body with `value`; gives its next chunk."""
        return self._life.run(self._pump.send, methodcaller("send", value))  # type: ignore[no-any-return]

    def throw(self, error: BaseException) -> ChunkT:
        """Raise `error` in a generator body, where it is suspended; gives its next chunk."""
        try:
            if self._life.closing is not None or self._pump.gi_frame is None:
                # After its end: as a generator does.
                raise error
            return self._life.run(self._pump.send, methodcaller("throw", error))  # type: ignore[no-any-return]
        finally:
            del error  # no reference cycle through the traceback

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream and run the body's own clean-up, from any thread; twice does nothing.

        While a step is running elsewhere, that step ends the stream when it returns.
        """
        self._life.ask_to_close(Outcome.CANCELLED, cancelled_by)
        _stop(self._life, self._pump)

    def give_up(self) -> None:
        """Close the scopes over the head of a step that is still running."""
        self._life.end(GeneratorExit(), _meters(self._pump))

    def settle(self, size: int) -> None:
        """End a stream that was never stepped because the server sent its file by itself."""
        life = self._life
        if not life.started:
            life.handle.set_attribute("streaminstr.zero_copy", True)
            life.run(life.begin)
            life.end(None, Meters(0, size, 0.0, 0.0, life.created, 0.0, 0.0, 0.0))

    def __enter__(self) -> Stream[ChunkT]:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def report(self) -> StreamReport:
        """The numbers so far."""
        return _report_so_far(self._life, self._pump)

    def __del__(self) -> None:
        try:
            if self._life.is_open:
                self._life.ask_to_close(Outcome.ABANDONED, None)
                _stop(self._life, self._pump)
        finally:
            _note_drop(self, self._life)


def _steps(life: Life, body: Iterable[Any]) -> Generator[Any, Any, None]:
    """The pump of a sync body: waits for an order, takes a step, yields the chunk.

    An order is None for `next`, else what to call the iterator with.
    """
    chunks = size = 0
    producer = begun = first = entered = left = 0.0
    longest = -1.0  # the first chunk, which ends no gap, is met where longer gaps are
    error: BaseException | None = None
    measure = life.measure
    try:
        order = yield
        life.begin()
        begun = entered = clock()
        iterator = _iterate(life, body)
        while True:
            steps = iterator if order is None else chain((order(iterator),), iterator)
            for chunk in steps:
                now = clock()
                producer += now - entered
                if now - left > longest:
                    if chunks:
                        longest = now - left
                    else:
                        first, longest = now, 0.0
                left = now
                chunks += 1
                size += len(chunk) if type(chunk) is bytes else measure(chunk)
                if life.closing is not None:  # asked for while this step was running
                    life.clean_up()
                    error = GeneratorExit()
                    life.end(
                        error, Meters(chunks, size, longest, producer, begun, first, entered, left)
                    )
                    yield chunk
                    return
                order = yield chunk
                entered = clock()
                if order is not None:
                    break
            else:
                return
    except StopIteration:
        pass  # the answer of a generator body to `send` or `throw`
    except BaseException as raised:
        error = raised
        _clean_up_now(life, raised)
        raise
    finally:
        life.end(error, Meters(chunks, size, longest, producer, begun, first, entered, left))
        error = order = None  # no reference cycle through the traceback
        if life.closing is not None:  # asked for while the last step was running
            life.clean_up()


def _iterate(life: Life, body: Any) -> Any:
    """An iterator of `body`; where its `__iter__` is a generator, that is the stream's to close."""
    iterator = iter(body)
    if iterator is not body and hasattr(iterator, "gi_frame"):
        life.closers = (iterator.close, *life.closers)
    return iterator


class AsyncStream(AsyncIterator[ChunkT]):
    """An async body whose steps run in a Context of their own, in the task that asks for them."""

    __slots__ = ("__weakref__", "_life", "_pump", "_ready", "_run", "_send", "_stepping")

    def __init__(self, life: Life, body: AsyncIterable[ChunkT]) -> None:
        self._life = life
        self._ready = _Ready(body)
        self._pump = _async_steps(life, body, self._ready)
        next(self._pump)
        self._run, self._send = life.run, self._pump.send
        self._stepping = False
        life.stream = ref(self)

    async def __anext__(self, order: Any = anext) -> ChunkT:
        """One step. Each send and throw of the body's awaitable runs in the stream's Context."""
        if self._stepping:
            msg = "anext(): this stream is already running a step"
            raise RuntimeError(msg)
        self._stepping = True
        ready, ended = self._ready, True
        try:
            signal = self._run(self._send, order)
            if signal is not ready:
                await relay(self._run, self._pump, signal, ready)
            ended = False
        except StopIteration:
            raise StopAsyncIteration from None
        finally:
            self._stepping = False
            if ended and self._life.closing is not None and order is not _CLOSE:
                self.close()  # asked for while this last step was running
            del order  # no reference cycle through the traceback of what `athrow` raises
        if self._life.closing is not None:  # asked for while this step was running
            await self.aclose()
        return ready.chunk  # type: ignore[no-any-return]

    def asend(self, value: Any) -> Awaitable[ChunkT]:
        """Resume an async generator body with `value`; gives its next chunk."""
        return self.__anext__(methodcaller("asend", value))

    def athrow(self, error: BaseException) -> Awaitable[ChunkT]:
        """Raise `error` in an async generator body, where it is suspended."""
        return self.__anext__(methodcaller("athrow", error))

    async def aclose(self) -> None:
        """End the stream and run the body's own clean-up, in this task; twice does nothing."""
        self._life.ask_to_close(Outcome.CANCELLED, None)
        if self._stepping:
            return  # that step ends the stream when it returns
        try:
            await self.__anext__(_CLOSE)
        except StopAsyncIteration:
            await self._clean_up()

    async def _clean_up(self) -> None:
        """Run what is left to clean up after a stream that has ended by itself."""
        left = _clean_up(self._life, self._ready.iterator)
        with suppress(StopIteration, StopAsyncIteration):
            await relay(self._run, left, self._run(next, left), _CLOSE)

    def close(self, *, cancelled_by: CancelledBy | None = None) -> None:
        """End the stream, from any thread, also where no loop runs; twice does nothing.

        The body's `aclose` is awaited on its own loop, and the scope closes after it: with this
        call where that can be, else as soon as the loop comes to it. While a step is running,
        that step ends the stream when it returns.
        """
        self._life.ask_to_close(Outcome.CANCELLED, cancelled_by)
        loop = self._ready.loop
        if _loop.is_alive(loop):
            if self._stepping:
                return
            owed = _owes_aclose(self._life, self._ready.iterator)
            if owed and _loop.spawn(loop, self.aclose, self._life.context.copy()):
                return
        self._stop()

    def give_up(self) -> None:
        """Close the scopes over the head of a step or a clean-up that is still running."""
        self._life.end(GeneratorExit(), _meters(self._pump))

    async def __aenter__(self) -> AsyncStream[ChunkT]:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def report(self) -> StreamReport:
        """The numbers so far."""
        return _report_so_far(self._life, self._pump)

    def __del__(self) -> None:
        try:
            if self._life.is_open:
                self._life.ask_to_close(Outcome.ABANDONED, None)
                self._stop()
                ready = self._ready
                if isinstance(ready.iterator, types.AsyncGeneratorType):
                    # The interpreter's own finalizer closes it, once; the context it is dropped in
                    # is the one that asyncio's hook closes it in.
                    self._life.context.copy().run(setattr, ready, "iterator", None)
                elif _owes_aclose(self._life, ready.iterator):
                    _loop.spawn(ready.loop, ready.iterator.aclose, self._life.context.copy())
        finally:
            _note_drop(self, self._life)

    def _stop(self) -> None:
        if self._stepping:  # by a loop that is gone: this step never returns
            self.give_up()
        else:
            _stop(self._life, self._pump)


class _Ready:
    """The signal of an async pump that a chunk is ready, with the chunk; and where it is made.

    What makes it is the body until the first step, and then the body's iterator.
    """

    __slots__ = ("chunk", "iterator", "loop")

    def __init__(self, body: Any) -> None:
        self.chunk: Any = None
        self.iterator: Any = body
        self.loop: AbstractEventLoop | None = None


_CLOSE: Any = object()
"""The order to an async pump to run the body's clean-up instead of a step."""


def _async_steps(life: Life, body: AsyncIterable[Any], ready: _Ready) -> Generator[Any, Any, None]:
    """The pump of an async body: waits for an order, awaits the step, yields `ready`.

    What else it yields is for the event loop. An order is what to call the iterator with.
    """
    chunks = size = 0
    producer = begun = first = entered = left = 0.0
    longest = -1.0  # the first chunk, which ends no gap, is met where longer gaps are
    error: BaseException | None = None
    measure = life.measure
    try:
        order = yield
        if order is not _CLOSE:
            ready.loop = _loop.running()
            life.begin()
            begun = clock()
            ready.iterator = iterator = aiter(body)
            # Their awaitables are iterators, so that asking for one can be spared.
            direct = isinstance(iterator, types.AsyncGeneratorType)
        while order is not _CLOSE:
            entered = clock()
            chunk = yield from order(iterator) if direct else awaiting(order(iterator))
            now = clock()
            producer += now - entered
            if now - left > longest:
                if chunks:
                    longest = now - left
                else:
                    first, longest = now, 0.0
            left = now
            chunks += 1
            size += len(chunk) if type(chunk) is bytes else measure(chunk)
            ready.chunk = chunk
            order = yield ready
        error = GeneratorExit()
        yield from _clean_up(life, ready.iterator)
    except StopAsyncIteration:
        pass
    except BaseException as raised:
        error = error or raised
        _clean_up_now(life, raised)
        raise
    finally:
        life.end(error, Meters(chunks, size, longest, producer, begun, first, entered, left))
        error = order = None  # no reference cycle through the traceback


def awaiting(awaitable: Any) -> Any:
    """What `await` drives: of a generator by `types.coroutine` it is the generator itself."""
    return awaitable if isinstance(awaitable, types.GeneratorType) else awaitable.__await__()


def _clean_up(life: Life, iterator: Any) -> Generator[Any, Any, None]:
    """Await the body's `aclose`, where it is the stream's to call, and run the closers."""
    if _owes_aclose(life, iterator):
        life.acloses = False
        yield from awaiting(iterator.aclose())
    life.clean_up()


def _owes_aclose(life: Life, iterator: Any) -> bool:
    """Whether an `aclose` is still to be awaited. A finished async generator has none left."""
    finished = getattr(iterator, "ag_frame", iterator) is None
    return life.acloses and not finished and hasattr(iterator, "aclose")


@types.coroutine
def relay(
    run: Callable[..., Any], pump: Generator[Any, Any, Any], signal: Any, until: object
) -> Generator[Any, Any, Any]:
    """Hand signals from `pump` to the event loop and its answers back, until one is `until`.

    Each send and throw is run by `run`. Raises StopAsyncIteration when the pump has ended.
    """
    while signal is not until:
        call: Callable[[Any], Any]
        try:
            argument = yield signal
            call = pump.send
        except BaseException as error:  # noqa: BLE001 - it is the pump's to raise
            argument, call = error, pump.throw
        try:
            signal = run(call, argument)
        except StopIteration:
            raise StopAsyncIteration from None
        finally:
            del argument  # no reference cycle through the traceback


def _clean_up_now(life: Life, raised: BaseException) -> None:
    """Run the closers of a stream that `raised` ends, where nobody else is going to.

    In a cycle the garbage collector may come to the pump before it comes to the stream. That
    shows by a GeneratorExit in the pump itself, which nobody has asked for.
    """
    if life.closing is not None:
        life.clean_up()
    elif life.is_open and isinstance(raised, GeneratorExit):
        traceback = raised.__traceback__
        if traceback is not None and traceback.tb_next is None:
            life.ask_to_close(Outcome.ABANDONED, None)
            life.run(life.clean_up)


def _stop(life: Life, pump: Generator[Any, Any, None]) -> None:
    """Close the pump where it waits, in its Context; leave it alone where it is in a step."""
    entered = False

    def stop() -> None:
        nonlocal entered
        entered = True
        pump.close()
        life.clean_up()

    try:
        life.run(stop)
    except RuntimeError:
        # "cannot enter context": a step is running, and ends the stream when it returns. No
        # thread can miss the other: the pump does nothing between looking at `closing` and
        # leaving the Context that would let the interpreter switch.
        if entered:
            raise


def _meters(pump: Any) -> Meters:
    frame = pump.gi_frame
    measured = {} if frame is None else frame.f_locals
    return Meters(*(measured.get(name, 0) for name in Meters._fields))


def _report_so_far(life: Life, pump: Generator[Any, Any, None]) -> StreamReport:
    return life.report(None, _meters(pump))


def _note_drop(stream: object, life: Life) -> None:
    if not life.started:
        never_stepped[life.handle.info.name] += 1
    elif life.closing is not None and life.closing[0] is Outcome.ABANDONED:
        warnings.warn(
            f"stream {life.handle.info.name!r} was dropped before its end and without close()",
            ResourceWarning,
            stacklevel=2,
            source=stream,
        )
