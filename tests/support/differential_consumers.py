"""Consumers of sync bodies: each drives a `Source`, which is a plain body or a stream."""

from __future__ import annotations

import contextlib
import inspect
import itertools
from contextlib import ExitStack
from contextvars import Context
from types import GeneratorType

from core_fakes import in_thread
from differential_world import told

STEPS_TO_THE_END = 8


class PlainSource:
    """A body as a program uses it without us. Its owner closes it as PEP 3333 has it."""

    def __init__(self, body):
        self.iterable, self.taken, self.closed = body, None, False

    def iterator(self):
        self.taken = iter(self.iterable)
        return self.taken

    def close(self):
        """End the iterator where it is a generator made by the body, then the body; once."""
        parts = [] if self.closed else [self.iterable]
        self.closed = True
        if parts and self.taken is not self.iterable and isinstance(self.taken, GeneratorType):
            parts.append(self.taken)
        with ExitStack() as stack:
            for close in filter(None, (getattr(part, "close", None) for part in parts)):
                stack.callback(close)

    def delegated(self):
        """A generator that delegated to the iterator has closed it: it may be the body itself."""
        self.closed = self.closed or hasattr(self.iterable, "__next__")

    def forget(self):
        """Do what a stream that is dropped while it is open does: close what needs a call."""
        if not isinstance(self.iterable, GeneratorType):
            with contextlib.suppress(OSError):
                self.close()


class StreamSource:
    """The same body as a stream."""

    def __init__(self, stream):
        self.iterable, self.close = stream, stream.close

    def iterator(self):
        return self.iterable

    def delegated(self):
        """Nothing: closing a stream twice does no harm."""

    def forget(self):
        """Nothing: the stream itself sees that it is dropped."""


class Next:
    """Calls `next`. What it does with the body is done by `place`: in a Context, in a thread."""

    modelled = True
    """Whether its results are those of the stream, so that the model can follow them."""
    closes = False
    """Whether it closes what it has begun when it is dropped."""
    throws = True
    """Whether `throw` is asked of it."""
    only_ends = False
    """Whether it takes all its steps at once."""
    wraps = False
    """Whether what it steps is an iterator of its own."""
    finishes = False
    """Whether that ends with an exception, though what is in it may go on."""
    sends = False
    """Whether it needs `send` and `throw` of what it drives."""
    hop = None
    """Where each step is taken, if not where the consumer is."""
    hops = False

    def __init__(self, world, source, place):
        self.world, self.source, self.place = world, source, place
        self.stepped = None

    def make(self):
        return self.source.iterator()

    def iterator(self):
        if self.stepped is None:
            self.stepped = self.place(self.make)
        return self.stepped

    def one(self):
        return self.place(next, self.iterator())

    def steps(self, count):
        """The results of `count` steps, or of all until one is no chunk."""
        results = []
        while len(results) < count and (not results or results[-1][0] == "chunk"):
            results.append(self.attempt(self.one))
        return results

    def attempt(self, function, *arguments):
        try:
            return "chunk", function(*arguments)
        except BaseException as error:  # noqa: BLE001 - it is compared
            return told(self.world, error)

    def throw(self, *error):
        return self.place(self.iterator().throw, *error)

    def close(self):
        if self.wraps:
            self.place(self.let_go)
        self.place(self.source.close)

    def let_go(self):
        self.stepped = None

    def drop(self, *, forget):
        """Drop all that is held; `forget` is whether a plain body is closed as a stream would."""
        self.place(self.let_go)
        if forget:
            self.place(self.source.forget)
        self.place(vars(self).clear)


class NextWithDefault(Next):
    def one(self):
        chunk = self.place(next, self.iterator(), None)
        if chunk is None:
            raise StopIteration
        return chunk


class Send(Next):
    sends = True

    def one(self):
        sent = None if self.stepped is None else "sent"
        return self.place(self.iterator().send, sent)


class For(Next):
    """A loop that is left by `break`."""

    only_ends, throws = True, False

    def steps(self, count):
        return self.place(self.loop, count, []) if count else []

    def loop(self, count, results):
        try:
            for chunk in self.source.iterable:
                results.append(("chunk", chunk))
                if len(results) == count:
                    return results
        except BaseException as error:  # noqa: BLE001 - it is compared
            return [*results, told(self.world, error)]
        return [*results, ("stopped", None)]


class YieldFrom(Next):
    """A generator that delegates. Its close is the first part of the owner's."""

    wraps = finishes = closes = True

    def make(self):
        return delegate(self.source.iterable)

    def close(self):
        try:
            if self.stepped is not None:
                self.delegating()
                self.place(self.stepped.close)
        finally:
            self.place(self.source.close)

    def delegating(self):
        """Note that the generator's end closes what it delegates to."""
        if inspect.getgeneratorstate(self.stepped) == inspect.GEN_SUSPENDED:
            self.source.delegated()

    def let_go(self):
        if self.stepped is not None:
            self.delegating()
        super().let_go()


def delegate(iterable):
    result = yield from iterable
    return result, "returned"


class Chain(Next):
    wraps, throws = True, False

    def make(self):
        return itertools.chain(self.source.iterable)


class Tee(Next):
    wraps, throws = True, False

    def make(self):
        return itertools.tee(self.source.iterable)

    def one(self):
        first, second = self.iterator()
        chunk = self.place(next, first)
        assert self.place(next, second) == chunk
        return chunk


class Threads(Next):
    """Takes each step in a new thread."""

    hop, hops = staticmethod(in_thread), True


class Contexts(Next):
    """Takes each step in a new Context."""

    hop = staticmethod(lambda function, *arguments: Context().run(function, *arguments))
    hops = True


class Manager(Next):
    """`contextlib.contextmanager`: one step to enter, one to leave."""

    wraps = sends = True
    modelled = False

    def make(self):
        return contextlib.contextmanager(self.source.iterator)()

    def one(self):
        if self.stepped is None:
            return self.place(self.iterator().__enter__)
        left = self.place(self.stepped.__exit__, None, None, None)
        raise StopIteration(left)

    def throw(self, error, *more):
        raised = error() if isinstance(error, type) else error
        return self.place(self.iterator().__exit__, type(raised), raised, None)


CONSUMERS = {
    "for": For,
    "next": Next,
    "next with a default": NextWithDefault,
    "send": Send,
    "yield from": YieldFrom,
    "chain": Chain,
    "tee": Tee,
    "threads": Threads,
    "contexts": Contexts,
    "context manager": Manager,
}
