"""Consumers of sync bodies that put an iterator of their own round them; and all consumers."""

from __future__ import annotations

import contextlib
import inspect
import itertools

from differential.consumers import Contexts, For, Next, NextWithDefault, Send, Threads


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
