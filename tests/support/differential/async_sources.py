"""An async body as its consumer has it: plain, or as a stream."""

from __future__ import annotations

import contextlib
import inspect
from types import AsyncGeneratorType

from core_fakes import in_thread


class PlainSource:
    """A body as a program uses it without us, in the task of its request.

    Its owner closes it as docs/explanation has it: the iterator where it is another object, then
    the body, each by `aclose` where it has one and by `close` where it has not.
    """

    def __init__(self, body, record):
        self.body, self.record = body, record
        self.taken, self.closed = None, False

    def __aiter__(self):
        self.taken = aiter(self.body)
        return self.taken

    async def aclose(self):
        parts = [] if self.closed else [self.body]
        self.closed = True
        if parts and self.taken is not None and self.taken is not self.body:
            parts.append(self.taken)
        async with contextlib.AsyncExitStack() as stack:
            for part in parts:
                stack.push_async_callback(close, part)

    async def close(self):
        """Close it for a stream that does so where no consumer sees it."""
        try:
            await self.aclose()
        except Exception as error:  # noqa: BLE001 - a loop would say it
            self.record.noise.add(type(error).__name__)

    async def forget(self):
        """Do what a stream that is dropped while it is open does: close what needs a call."""
        if not isinstance(self.body, AsyncGeneratorType):
            await self.close()


async def close(part):
    """Close it by `aclose`, or else by `close`, which may be either."""
    closer = getattr(part, "aclose", None) or getattr(part, "close", None)
    closing = closer and closer()
    if inspect.isawaitable(closing):
        await closing


class StreamSource:
    """The same body as a stream."""

    def __init__(self, stream):
        self.stream, self.aclose = stream, stream.aclose

    def __aiter__(self):
        return self.stream

    async def close(self):
        self.stream.close()

    async def close_in_a_thread(self):
        in_thread(self.stream.close)

    async def forget(self):
        """Nothing: the stream itself sees that it is dropped."""
