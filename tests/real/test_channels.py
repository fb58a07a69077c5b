"""Channels: a consumer that streams, and Django behind its router."""

import pytest
from channels.generic.http import AsyncHttpConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from real_app import App
from real_bodies import Turn
from real_check import check
from real_django import Django
from real_rows import async_rows
from real_spans import asgi_with_span, note
from real_starlette import lines


class Export(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_headers(headers=[(b"content-type", b"text/plain")])
        ending = self.scope["url_route"]["kwargs"]["ending"]
        async for line in lines(Turn(ending)):
            await self.send_body(line.encode(), more_body=True)
        await self.send_body(b"")

    async def disconnect(self):
        note("disconnected")


def app():
    return URLRouter([re_path("stream/(?P<ending>.*)$", Export.as_asgi())])


@pytest.mark.parametrize("ending", ["full", "fails"])
def test_a_consumer(ending):
    check(App(app, "asgi"), ending, inside=None)


def test_django_behind_its_router(ending, net):
    def routed(django):
        return asgi_with_span(ProtocolTypeRouter({"http": django}))

    check(Django(async_rows, net=net, around=routed), ending)
