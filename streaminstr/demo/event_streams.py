"""Bodies of the demo's site that say more of themselves: an event stream with pings, and tokens."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from streaminstr import current_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PAUSE = 0.02
"""How long it takes to make a chunk, in seconds."""
PRICES = ("9.50", "9.75")


def prices() -> Iterator[str]:
    """Server-sent events that are rare: a ping keeps the connection up before each."""
    for price in PRICES:
        yield ": ping\n\n"
        time.sleep(PAUSE)
        yield f"data: {price}\n\n"


async def prices_async() -> AsyncIterator[str]:
    """Server-sent events that are rare: a ping keeps the connection up before each."""
    for price in PRICES:
        yield ": ping\n\n"
        await asyncio.sleep(PAUSE)
        yield f"data: {price}\n\n"


ANSWER = ("One ", "order ", "has ")
"""The tokens of a model that then breaks off."""
ERROR = 'event: error\ndata: {"message": "the model has gone"}\n\n'


def take(token: str) -> str:
    """Note a token of the model; return its event."""
    stream = current_stream()
    stream.mark("first_token")
    stream.add("demo.tokens", 1, rate=True)
    return f"data: {token}\n\n"


def model() -> Iterator[str]:
    """A model that is gone before it has answered."""
    for token in ANSWER:
        time.sleep(PAUSE)
        yield token
    raise ConnectionError


async def model_async() -> AsyncIterator[str]:
    """A model that is gone before it has answered."""
    for token in ANSWER:
        await asyncio.sleep(PAUSE)
        yield token
    raise ConnectionError


def chat() -> Iterator[str]:
    """The tokens of a model. After the status 200 an error can only be an event."""
    try:
        for token in model():  # pragma: no branch - it breaks
            yield take(token)
    except ConnectionError as error:
        current_stream().fail(error)
        yield ERROR


async def chat_async() -> AsyncIterator[str]:
    """The tokens of a model. After the status 200 an error can only be an event."""
    try:
        async for token in model_async():  # pragma: no branch - it breaks
            yield take(token)
    except ConnectionError as error:
        current_stream().fail(error)
        yield ERROR
