"""What happens to a channel of django-eventstream's once its stream is open."""

from __future__ import annotations

import asyncio

from asgiref.sync import sync_to_async
from django_eventstream import send_event
from django_eventstream.channelmanager import DefaultChannelManager
from django_eventstream.views import get_listener_manager

from real_bodies import BoomError
from real_spans import asgi_with_span


class Doors(DefaultChannelManager):
    """Asks once more for a listener that was kicked out: then it is shut, or breaks."""

    ending = None

    def can_read_channel(self, user, channel):
        if Doors.ending == "fails":
            raise BoomError
        return Doors.ending != "full"


def once_open(ending):
    """What puts a task round an application that sends an event, or kicks the listener out.

    The task runs as soon as the body waits, not before. Then the stream has two chunks.
    """

    def around(app):
        async def call(scope, receive, send):
            Doors.ending, tasks = None, []

            async def sent(message):
                await send(message)
                if message.get("body") and not tasks:
                    tasks.append(asyncio.create_task(sync_to_async(_go_on)(ending)))

            await app(scope, receive, sent)

        return asgi_with_span(call)

    return around


def _go_on(ending):
    if ending in {"full", "fails"}:
        Doors.ending = ending
        get_listener_manager().kick("anonymous", "news")
    else:
        send_event("news", "message", {"text": "hello"})
