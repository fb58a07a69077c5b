"""What FastAPI does with an endpoint that yields events, without FastAPI.

A task of its own steps the generator and puts what it makes of the items into a memory stream;
the body of the response only reads that. tests/real runs FastAPI itself.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from streaminstr.starlette import instrument

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Dependant:
    call: Callable


class YieldingRoute(Route):
    """The route of an endpoint that yields events."""

    is_sse_stream = True

    def __init__(self, path, endpoint):
        super().__init__(path, self.respond)
        self.dependant = Dependant(endpoint)
        self.app = self.asgi

    async def asgi(self, scope, receive, send):
        async with AsyncExitStack() as stack:
            response = await self.respond(stack)
            await response(scope, receive, send)

    async def respond(self, stack):
        items = self.dependant.call()
        chunks = await stack.enter_async_context(_produced(items))
        return StreamingResponse(_read(chunks), media_type="text/event-stream")


@asynccontextmanager
async def _produced(items):
    into, chunks = anyio.create_memory_object_stream(1)

    async def produce():
        async with into:
            async for item in items:
                await into.send(_encode(item))

    async with chunks, anyio.create_task_group() as tasks:
        tasks.start_soon(produce)
        yield chunks
        tasks.cancel_scope.cancel()


def _encode(item):
    if getattr(item, "comment", None):
        return b": ping\n\n"
    if raw := getattr(item, "raw_data", None):
        return f"data: {raw}\n\n".encode()
    return b"data: %d\n\n" % getattr(item, "data", item)


async def _read(chunks):
    async for chunk in chunks:
        yield chunk
        await anyio.lowlevel.checkpoint()


class IncludedRoute(Route):
    """A router in another one: it makes routes anew from those that it includes."""

    def __init__(self, prefix, *routes):
        super().__init__(prefix, self.handle)
        self.included = routes

    def effective_candidates(self):
        return self.included

    def matches(self, scope):
        return self.included[0].matches(scope)

    async def handle(self, scope, receive, send):
        scope["route"] = self.included[0]
        await self.included[0].handle(scope, receive, send)


def yielding(endpoint, *, include=False, ours=True):
    """An application with such an endpoint."""
    route = YieldingRoute("/numbers/{kind}", endpoint)
    app = Starlette(routes=[IncludedRoute("/", route) if include else route])
    if ours:
        instrument(app)
    return app
