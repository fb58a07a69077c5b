"""The lifespan of an ASGI application: passed on, or answered in its place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streaminstr import _configure
from streaminstr._calls import loop
from streaminstr._calls.guard import guarded, logger
from streaminstr._process.drain import drain

if TYPE_CHECKING:
    from streaminstr._nets.protocol import Application, Message, Receive, Send


_TIMEOUT = 5.0


async def live(app: Application, scope: Message, receive: Receive, send: Send) -> None:
    """Pass the lifespan on to `app`; answer it in place of one that takes no part in it."""
    has_received = False

    async def hear() -> Message:
        nonlocal has_received
        has_received = True
        message = await receive()
        if message["type"] == "lifespan.startup":
            _configure.watch()
        else:
            await _shut_down()
        return message

    try:
        await app(scope, hear, send)
    except Exception as error:
        if has_received:
            raise
        guarded(_log_refusal, error, default=None)
    if not has_received:
        await _answer(hear, send)


def _log_refusal(error: Exception) -> None:
    """Say why the application takes no part. It may be a mistake in its start-up."""
    says_so = "lifespan" in str(error)  # as Django and Channels do
    logger.log(
        logging.INFO if says_so else logging.WARNING,
        "The application takes no part in the lifespan protocol, which is answered in its place. "
        "It raised %r.",
        error,
        exc_info=None if says_so else error,
    )


async def _answer(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _shut_down() -> None:
    """Shut down in a thread, so that the loop is free to run the clean-up of its streams."""
    running = loop.running()
    if running is None:
        _configure.shutdown()
    else:
        await running.run_in_executor(None, _configure.shutdown, _TIMEOUT + drain.remaining())
