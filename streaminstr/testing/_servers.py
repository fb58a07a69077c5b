"""Servers that a test controls. They end a response as a real server would.

For Django responses and for bare streams. They imitate the observed behaviour of WSGI servers and
of Django's ASGI handler (docs/reference/servers.md).
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from streaminstr.testing._settle import close_in_thread, settled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[Any], Awaitable[None]]


class Server:
    """A WSGI server and its client. The methods return the chunks that the client received."""

    def read(self, response: Any, chunks: int | None = None) -> list[Any]:
        """Read some chunks and stay connected; or read them all, and end the exchange."""
        received = list(islice(_sync(response), chunks))
        if chunks is None:
            response.close()
        return received

    def disconnect(self, response: Any, *, after: int = 1) -> list[Any]:
        """Leave after some chunks: the server closes the response."""
        received = _all_of(self.read(response, after), after)
        response.close()
        return received

    def fail_in_send(self, response: Any, *, after: int = 1) -> list[Any]:
        """Leave while the next chunk is sent: the body has made it, and no client receives it."""
        received = _all_of(self.read(response, after + 1), after + 1)
        response.close()
        return received[:after]

    def never_iterate(self, response: Any) -> None:
        """Close the response without a step, as servers do for HEAD."""
        _sync(response)
        response.close()


class AsyncServer:
    """Django's ASGI handler and its client. The methods return the chunks the client received."""

    async def aread(self, response: Any, chunks: int | None = None) -> list[Any]:
        """Read some chunks and stay connected; or read them all, and end the exchange."""
        received: list[Any] = []
        if chunks != 0:
            async for chunk in _async(response):
                received.append(chunk)
                if len(received) == chunks:
                    break
        if chunks is None:
            await close_in_thread(response)
        return received

    async def adisconnect(self, response: Any, *, after: int = 1) -> list[Any]:
        """Leave after some chunks: the handler is cancelled while it sends the next one."""
        received: list[Any] = []
        await _serve_until(response, received, after, asyncio.CancelledError)
        await close_in_thread(response)
        return _all_of(received, after)

    async def acancel(self, response: Any, *, after: int = 1) -> list[Any]:
        """Leave after some chunks: the handler is cancelled while the body awaits its next."""
        received: list[Any] = []
        await _serve_until(response, received, after, _never_waited, cancel=True)
        await close_in_thread(response)
        return _all_of(received, after)

    async def afail_in_send(self, response: Any, *, after: int = 1) -> list[Any]:
        """Fail to send the next chunk. Django calls neither `close()` nor `request_finished` then.

        The outermost net (`streaminstr.asgi`) ends the stream, or else the garbage collector.
        """
        received: list[Any] = []
        async with settled():
            with suppress(BrokenPipeError):
                await _serve_until(response, received, after, BrokenPipeError)
        return _all_of(received, after)

    async def anever_iterate(self, response: Any) -> None:
        """Close the response without a step, as servers do for HEAD."""
        _async(response)
        await close_in_thread(response)


async def _serve_until(
    response: Any,
    received: list[Any],
    after: int,
    error: Callable[[], BaseException],
    *,
    cancel: bool = False,
) -> None:
    """Serve in a task of its own, until sending the chunk after those raises `error()`.

    With `cancel` the task is cancelled in the first await before that.
    """
    loop = asyncio.get_running_loop()

    async def send(chunk: Any) -> None:
        if len(received) == after:
            raise error()
        received.append(chunk)
        if cancel and len(received) == after:
            loop.call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]

    task = loop.create_task(_serve(_async(response), send))
    if cancel and after == 0:
        loop.call_soon(task.cancel)  # when it has taken its first step
    try:
        await task
    except asyncio.CancelledError:
        pass
    finally:
        del task  # no reference cycle through the traceback: the test drops the response


async def _serve(response: Any, send: Send) -> None:
    """What `ASGIHandler.send_response` does with a body."""
    async with aclosing(aiter(response)) as chunks:
        async for chunk in chunks:
            await send(chunk)


def _sync(response: Any) -> Any:
    if _is_async(response):
        msg = "This response is async. Await the method whose name begins with an a: aread(), ..."
        raise TypeError(msg)
    return response


def _async(response: Any) -> Any:
    if not _is_async(response):
        msg = "This response is sync. Call the method whose name has no a in front: read(), ..."
        raise TypeError(msg)
    return response


def _never_waited() -> AssertionError:
    return AssertionError(
        "The body made its next chunk without waiting, so that there was no await to cancel. "
        "Use streams.adisconnect(), or another number of chunks."
    )


def _is_async(response: Any) -> bool:
    return bool(getattr(response, "is_async", hasattr(response, "__aiter__")))


def _all_of(received: list[Any], number: int) -> list[Any]:
    """`received`, where the body was long enough to do what was asked for."""
    if len(received) < number:
        msg = f"The body ended after {len(received)} chunks, before the client could leave."
        raise AssertionError(msg)
    return received
