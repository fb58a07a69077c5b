"""A sync body as its consumer has it: plain, or as a stream."""

from __future__ import annotations

from contextlib import ExitStack
from types import GeneratorType


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
