"""Channels: consumers that stream, in each way that it has, and Django behind its router."""

import asyncio

import pytest
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.test import override_settings
from django.urls import re_path

from real_app import App
from real_bodies import Turn
from real_check import check
from real_django import Django
from real_rows import async_rows
from real_spans import asgi_with_span, note
from real_starlette import lines, sync_lines

INSIDE = {"inside": "request or stream"}  # the net learns of a stream with its first chunk
LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
START = {"type": "http.response.start", "status": 200, "headers": [(b"x-shop", b"tea")]}


def chunk(line, *, more=True):
    return {"type": "http.response.body", "body": line.encode(), "more_body": more}


def turn_of(consumer):
    return Turn(consumer.scope["url_route"]["kwargs"]["ending"])


class Export(AsyncHttpConsumer):
    """Hears of no disconnect while it is at work, as any of this kind."""

    async def handle(self, body):
        await self.send_headers(headers=[(b"content-type", b"text/plain")])
        async for line in lines(turn_of(self)):
            await self.send_body(line.encode(), more_body=True)
        await self.send_body(b"")

    async def disconnect(self):
        note("disconnected")


class InATask(AsyncConsumer):
    """Ends its work when the client leaves."""

    async def http_request(self, message):
        self.work = asyncio.create_task(self.export())

    async def export(self):
        await self.send(START)
        async for line in lines(turn_of(self)):
            await self.send(chunk(line))
        await self.send(chunk("", more=False))

    async def http_disconnect(self, message):
        note("disconnected")
        self.work.cancel()
        await asyncio.wait([self.work])
        raise StopConsumer


class OfMessages(AsyncConsumer):
    """Sends on what comes by its channel layer."""

    async def http_request(self, message):
        self.turn = turn_of(self)
        await self.send(START)
        await self.publish()

    async def publish(self):
        await get_channel_layer().send(self.channel_name, {"type": "shop.line"})

    async def shop_line(self, message):
        note(self.turn.chunks)
        await self.send(chunk(f"{self.turn.chunks}\n"))
        self.turn.next()
        if self.turn.chunks == 4:
            await self.send(chunk("", more=False))
            raise StopConsumer
        if not self.turn.is_now("waits"):
            await self.publish()

    async def http_disconnect(self, message):
        note("disconnected")
        raise StopConsumer


class InThreads(SyncConsumer):
    def http_request(self, message):
        self.send(START)
        for line in sync_lines(turn_of(self)):
            self.send(chunk(line))
        self.send(chunk("", more=False))
        raise StopConsumer


def app(consumer):
    return lambda: URLRouter([re_path("stream/(?P<ending>.*)$", consumer.as_asgi())])


@pytest.mark.parametrize("ending", ["full", "fails", "refused"])
def test_a_consumer(ending):
    check(App(app(Export), "asgi"), ending, **INSIDE)


@pytest.mark.parametrize("ending", ["full", "fails", "refused"])
def test_a_sync_consumer(ending):
    check(App(app(InThreads), "asgi"), ending, **INSIDE)


@pytest.mark.parametrize("ending", ["waits", "sends"])
def test_a_consumer_that_works_in_a_task_until_its_client_leaves(ending):
    check(App(app(InATask), "asgi"), ending, inside=None)


@pytest.mark.parametrize("ending", ["full", "fails", "waits", "refused"])
def test_a_consumer_of_messages(ending):
    with override_settings(CHANNEL_LAYERS=LAYERS):
        check(App(app(OfMessages), "asgi"), ending, inside=None)


def test_django_behind_its_router(ending, net):
    def routed(django):
        return asgi_with_span(ProtocolTypeRouter({"http": django}))

    check(Django(async_rows, net=net, around=routed), ending)
