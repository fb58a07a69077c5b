"""Consumers of sync bodies: each drives a `Source`, which is a plain body or a stream."""

from __future__ import annotations

from contextvars import Context

from core_fakes import in_thread
from differential.world import told


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


class Threads(Next):
    """Takes each step in a new thread."""

    hop, hops = staticmethod(in_thread), True


class Contexts(Next):
    """Takes each step in a new Context."""

    hop = staticmethod(lambda function, *arguments: Context().run(function, *arguments))
    hops = True
