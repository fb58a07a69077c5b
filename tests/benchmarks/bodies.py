"""The bodies that are streamed, the same for every library, and a backend that does nothing."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streaminstr import StreamInfo, StreamReport

CHUNK = b"x" * 64
NO_LOGS = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
"""The option `log_levels` that keeps the closing event out of what is measured."""


def chunks(steps: int, chunk: object = CHUNK) -> Iterator[object]:
    for _ in repeat(None, steps):
        yield chunk


async def async_chunks(steps: int, chunk: object = CHUNK) -> AsyncIterator[object]:
    for _ in repeat(None, steps):
        yield chunk


async def pass_through(body: AsyncIterator[object]) -> AsyncIterator[object]:
    """What any async wrapper costs at the least: `async for: yield`."""
    async for chunk in body:
        yield chunk


class Silent:
    """A backend and its scope, which do nothing: what is left is the price of the core."""

    def open(self, info: StreamInfo) -> Silent:
        return self

    def start(self) -> dict[str, str]:
        return {}

    def close(self, report: StreamReport) -> None:
        pass
