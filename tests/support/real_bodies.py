"""What a body does after its second chunk, so that a visit ends as the test says."""

from __future__ import annotations

import asyncio


class BoomError(Exception):
    """What the bodies fail with."""


class Turn:
    """Called by a body after each chunk."""

    def __init__(self, ending):
        self.ending = ending
        self.chunks = 0

    def is_now(self, ending):
        return self.ending == ending and self.chunks == 2

    def next(self):
        self.chunks += 1
        if self.is_now("fails"):
            raise BoomError

    async def anext(self):
        self.next()
        await asyncio.sleep(0)
        if self.is_now("waits"):
            await asyncio.Event().wait()
