"""django-eventstream, whose endless body waits for events, alone and behind WhiteNoise."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.urls import include, path
from django_eventstream import send_event
from django_eventstream.views import get_listener_manager

from real_check import check
from real_django import Django
from real_rows import WHITENOISE
from real_spans import asgi_with_span

URLS = (path("events/<channel>/", include("django_eventstream.urls")),)


def with_an_event(app):
    """Send an event once the stream is open: it has two chunks, and then waits.

    The task runs as soon as the body waits, not before.
    """

    async def call(scope, receive, send):
        tasks = []

        async def sent(message):
            await send(message)
            if message.get("body") and not tasks:
                tasks.append(asyncio.create_task(say_hello()))

        await app(scope, receive, sent)

    return asgi_with_span(call)


async def say_hello():
    await sync_to_async(send_event)("news", "message", {"text": "hello"})


@pytest.mark.parametrize("middleware", [(), WHITENOISE], ids=["alone", "whitenoise"])
@pytest.mark.parametrize("ending", ["waits", "sends"])
def test_a_listener_is_removed_when_its_client_leaves(middleware, ending, net):
    path = "/events/news/?channel=news"
    site = Django(urls=URLS, path=path, net=net, middleware=middleware, around=with_an_event)
    plain, _ = check(site, ending)
    assert b"hello" in plain.seen.body
    assert not get_listener_manager().listeners_by_channel
