"""Bodies that read a database by its own cursor: aiosqlite and psycopg, which has no ORM's help."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiosqlite
import psycopg

from real_spans import note

ROWS = "with recursive n(i) as (select 0 union all select i + 1 from n where i < 3) select i from n"


@asynccontextmanager
async def aiosqlite_cursor(port):
    async with aiosqlite.connect(":memory:", iter_chunk_size=1) as connection:
        yield await connection.execute(ROWS)


@asynccontextmanager
async def psycopg_cursor(port):
    """A server-side cursor, as its name says to psycopg."""
    where = {"host": "127.0.0.1", "port": port, "user": "postgres"}
    async with await psycopg.AsyncConnection.connect(**where) as connection:
        cursor = connection.cursor(name="rows")
        cursor.itersize = 1
        yield await cursor.execute(ROWS)


async def is_closed(cursor):
    try:
        await cursor.fetchone()
    except (aiosqlite.Error, psycopg.Error, ValueError):
        return True
    return False


@dataclass
class Rows:
    """Bodies of rows. Where the cursor itself is the body, it is held until the visit is over.

    So is each connection: the garbage collector, which cleans up for plain Django, may stop the
    thread of aiosqlite's before it closes the body, which then waits for it without end.
    """

    connect: object
    port: int
    held: list = field(default_factory=list)
    connections: list = field(default_factory=list)
    closed: list = field(default_factory=list)
    """After each visit, whether the cursor was closed."""

    async def generator(self, turn):
        try:
            self.connections.append(self.connect(self.port))
            async with self.connections[-1] as cursor, cursor:
                async for row in cursor:
                    note(row)
                    yield f"{row}\n"
                    await turn.anext()
        finally:
            note(f"closed: {await is_closed(cursor)}")

    async def cursor(self, turn):
        connection = self.connect(self.port)
        cursor = await connection.__aenter__()
        self.held.append((connection, cursor))
        return cursor

    async def after(self):
        for connection, cursor in self.held:
            self.closed.append(await is_closed(cursor))
            await cursor.close()
            await connection.__aexit__(None, None, None)
        self.held.clear()
        self.connections.clear()


def psycopg_rows(port):
    """The same without async, for a body that is a generator."""

    def generator(turn):
        try:
            with _connect(port) as connection, connection.cursor(name="rows") as cursor:
                cursor.itersize = 1
                for row in cursor.execute(ROWS):
                    note(row)
                    yield f"{row}\n"
                    turn.next()
        finally:
            note(f"closed: {cursor.closed}")

    return generator


def _connect(port):
    return psycopg.connect(host="127.0.0.1", port=port, user="postgres")
