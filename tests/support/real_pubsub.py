"""Messages of Redis, passed on as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import redis as sync_redis
from redis.asyncio import Redis

from real_spans import note


@dataclass
class Messages:
    """Makes bodies; what the end of a visit has left is counted by Redis itself."""

    port: int
    left: list = field(default_factory=list)
    """After each visit, how many clients were still subscribed."""

    async def listening(self, turn):
        """All that are published, by the body itself."""
        async with Redis(port=self.port) as redis, redis.pubsub() as pubsub:
            await pubsub.subscribe("news")
            try:
                async for message in pubsub.listen():
                    note(message["data"])
                    yield f"{message['data']}\n"
                    await self._go_on(redis, turn)
                    if message["data"] == b"last":
                        return
            finally:
                note("cleaned up")

    async def _go_on(self, redis, turn):
        await turn.anext()
        await redis.publish("news", {1: "first", 2: "second", 3: "last"}.get(turn.chunks, "more"))

    async def after(self):
        self.left.append(await asyncio.to_thread(self._subscribers))

    def _subscribers(self):
        with sync_redis.Redis(port=self.port) as redis:
            return redis.pubsub_numsub("news")[0][1]
