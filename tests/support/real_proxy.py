"""Bodies that pass on what an upstream streams, by httpx."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx

from real_spans import note
from real_upstream import TLS


@dataclass
class Proxy:
    """Makes bodies; keeps clients and responses, so that no garbage collector closes them."""

    upstream: object
    clients: list = field(default_factory=list)
    held: list = field(default_factory=list)
    left: list = field(default_factory=list)
    """After each visit, how many clients were left on the upstream."""
    closed: list = field(default_factory=list)
    """After each visit, whether the stream of the response was closed: httpx then knows a time."""

    def client(self, kind=httpx.AsyncClient):
        self.clients.append(kind(base_url=self.upstream.url, verify=TLS))
        return self.clients[-1]

    async def after(self):
        self.left.append(await asyncio.to_thread(self.upstream.still_there))
        self.closed.append(all(map(_is_timed, self.held)))
        for each in [*self.held, *self.clients]:
            await each.aclose()
        self._forget()

    def after_sync(self):
        self.left.append(self.upstream.still_there())
        self.closed.append(all(map(_is_timed, self.held)))
        for each in [*self.held, *self.clients]:
            each.close()
        self._forget()

    def _forget(self):
        self.held.clear()
        self.clients.clear()

    async def response(self, turn):
        client = self.client()
        request = client.build_request("GET", f"/lines/{turn.ending}")
        self.held.append(await client.send(request, stream=True))
        return self.held[-1]

    def sync_response(self, turn):
        client = self.client(httpx.Client)
        request = client.build_request("GET", f"/lines/{turn.ending}")
        self.held.append(client.send(request, stream=True))
        return self.held[-1]

    async def generator(self, turn):
        try:
            async with self.client().stream("GET", f"/lines/{turn.ending}") as response:
                async for chunk in response.aiter_bytes():
                    note(chunk)
                    yield chunk
        finally:
            note(f"closed: {response.is_closed}")

    def sync_generator(self, turn):
        client = self.client(httpx.Client)
        try:
            with client.stream("GET", f"/lines/{turn.ending}") as response:
                for chunk in response.iter_bytes():
                    note(chunk)
                    yield chunk
        finally:
            note(f"closed: {response.is_closed}")

    async def aiter_bytes(self, turn):
        return (await self.response(turn)).aiter_bytes()

    async def stream(self, turn):
        return (await self.response(turn)).stream

    def iter_bytes(self, turn):
        return self.sync_response(turn).iter_bytes()

    def sync_stream(self, turn):
        return self.sync_response(turn).stream


def _is_timed(response):
    try:
        return bool(response.elapsed)
    except RuntimeError:
        return False
