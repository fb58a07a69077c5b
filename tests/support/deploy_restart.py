"""A rolling restart: two processes behind one address, each replaced while clients read on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from deploy_clients import EventSource
from deploy_kinds import GRACE
from deploy_process import Server
from deploy_proxy import Proxy

if TYPE_CHECKING:
    from deploy_clients import Connection

PATIENCE = 30.0
"""Seconds after which a process is taken not to end, and a client to hear nothing more."""
MANNERS = ("deaf", "listens")
"""Bodies that have to be ended, and bodies that end by themselves once the process is stopping."""


@dataclass(frozen=True)
class Stream:
    """One connection, and what the server has written down of it."""

    connection: Connection
    starts: int
    closes: tuple[tuple[str, str | None], ...]
    """Outcome and cause."""
    yielded: tuple[int, ...]
    """The number of the last event that the body made, as often as its clean-up has run."""
    client_left: bool
    listens: bool

    @property
    def received(self):
        """The number of the last event that its client has got."""
        return max(self.connection.ids, default=self.connection.first - 1)


@dataclass(frozen=True)
class Restart:
    """What was seen of it."""

    sources: list[EventSource]
    streams: list[Stream]
    """Those whose answer has come."""
    lives: list[float | None]
    """Seconds from SIGTERM to the end of each process; None: it did not end."""
    killed: bool


class _Site:
    """The processes, and the proxy before those that accept."""

    def __init__(self, kind, proxy, folder, vendor):
        self._kind, self._proxy, self._vendor = kind, proxy, vendor
        self._record = folder / "record.jsonl"
        self.running, self.all, self.lives = [], [], []

    async def start(self):
        command = self._kind.started(many=True)
        more = {"record": self._record, "vendor": self._vendor}
        server = Server(self._kind, command, grace=GRACE, **more)
        self.all.append(server)
        await asyncio.to_thread(server.start)
        self.running.append(server)
        self._proxy.targets.append(server.address)

    async def stop(self, server):
        """It is in the proxy's list until it has ended: it may refuse, it may not lose."""
        server.terminate()
        self.lives.append(await asyncio.to_thread(server.wait_for_end, PATIENCE))
        self.running.remove(server)
        self._proxy.targets.remove(server.address)


async def roll(kind, *, clients, folder, vendor=None):
    """Replace each of two processes in turn; then the clients leave, and the site is stopped.

    `vendor`: the environment that says who gets the spans, and where.
    """
    async with Proxy() as proxy:
        site = _Site(kind, proxy, folder, vendor)
        try:
            await asyncio.gather(site.start(), site.start())
            sources = await _rolled(site, kind, proxy.address, clients)
        finally:
            for server in site.all:
                server.kill()
    return Restart(
        sources=sources,
        streams=list(_streams(sources, site.all[0].lines())),
        lives=site.lives,
        killed=any(server.killed_its_own for server in site.all),
    )


async def _rolled(site, kind, address, clients):
    names = zip(range(clients), cycle(MANNERS), strict=False)
    sources = [EventSource(address, f"/{kind.protocol}/{how}/{one}") for one, how in names]
    reading = [asyncio.create_task(source.run()) for source in sources]
    await _news(sources)
    for old in tuple(site.running):
        await site.start()
        await site.stop(old)
        await _news(sources)
    async with asyncio.timeout(PATIENCE):  # news may be what the old process had sent
        await asyncio.gather(*(source.is_moved() for source in sources))
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    for server in tuple(site.running):
        await site.stop(server)
    return sources


async def _news(sources):
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(source.news() for source in sources))


def _streams(sources, lines):
    by_path = {}
    for line in lines:
        by_path.setdefault(line["path"], []).append(line)
    for source in sources:
        for connection in source.connections:
            if connection.status is not None:
                is_last = connection is source.connections[-1]
                yield _stream(connection, by_path.get(connection.path, ()), client_left=is_last)


def _stream(connection, lines, *, client_left):
    return Stream(
        connection=connection,
        starts=sum(line["event"] == "start" for line in lines),
        closes=tuple(
            (line["outcome"], line["cancelled_by"]) for line in lines if line["event"] == "close"
        ),
        yielded=tuple(line["last"] for line in lines if line["event"] == "cleaned up"),
        client_left=client_left,
        listens="/listens/" in connection.path,
    )
