"""One address before several processes: each new connection goes to one that accepts it."""

from __future__ import annotations

import asyncio
import contextlib

_CHUNK = 1 << 16


class Proxy:
    """Carries bytes both ways, in turn to each of `targets`; one that refuses is passed over."""

    def __init__(self):
        self.targets = []
        self._turn = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.address = self._server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *exc_info):
        self._server.close()

    async def _serve(self, reader, writer):
        behind = await self._connect()
        if behind is None:
            writer.close()
            return
        behind_reader, behind_writer = behind
        ways = [
            asyncio.create_task(_carry(reader, behind_writer)),
            asyncio.create_task(_carry(behind_reader, writer)),
        ]
        # Either end that goes takes the other with it, once what it has sent has arrived.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, behind_writer):
            each.close()
        await asyncio.gather(*ways)

    async def _connect(self):
        for _ in range(len(self.targets)):
            self._turn += 1
            target = self.targets[self._turn % len(self.targets)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(*target)
        return None


async def _carry(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
