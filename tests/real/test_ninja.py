"""django-ninja: its endpoints that stream are generator functions."""

from contextlib import suppress

import pytest
from django.urls import path
from ninja import NinjaAPI, Schema
from ninja.streaming import JSONL, SSE

from real_bodies import Turn
from real_check import check, compare
from real_django import Django
from real_spans import note
from streaminstr import StreaminstrError, streamed
from streaminstr.django.decorators import stream_scope


class Item(Schema):
    n: int


def items(request, ending: str):
    turn = Turn(ending)
    try:
        for number in range(4):
            note(number)
            yield {"n": number}
            turn.next()
    finally:
        note("cleaned up")


async def async_items(request, ending: str):
    turn = Turn(ending)
    try:
        for number in range(4):
            note(number)
            yield {"n": number}
            await turn.anext()
    finally:
        note("cleaned up")


def wrong_items(request):
    yield from ({"n": number} for number in (1, "no number"))


api = NinjaAPI()
api.get("/sse/{ending}", response=SSE[Item])(async_items)
api.get("/jsonl/{ending}", response=JSONL[Item])(items)
api.get("/async-jsonl/{ending}", response=JSONL[Item])(async_items)
api.get("/wrong", response=JSONL[Item])(wrong_items)
URLS = (path("", api.urls),)


@pytest.mark.parametrize("kind", ["sse", "async-jsonl"])
def test_async_items(kind, ending, net):
    check(Django(urls=URLS, path=f"/{kind}/{{ending}}", net=net), ending)


def test_items(wsgi_ending, net):
    site = Django(urls=URLS, path="/jsonl/{ending}", net=net, protocol="wsgi")
    check(site, wsgi_ending)


def test_an_item_that_is_not_valid_fails_the_stream(net):
    check(Django(urls=URLS, path="/wrong", net=net, protocol="wsgi"), "fails")


@pytest.mark.parametrize("function", [items, async_items])
def test_the_decorator_of_views_is_refused_or_works(function):
    with suppress(StreaminstrError):
        site = one_endpoint(stream_scope("shop.items")(function))
        _, ours = check(site, "full")
        assert [stream.name for stream in ours.recorder.recording.started] == ["shop.items"]


def test_the_decorator_of_bodies_works():
    _, ours = compare(one_endpoint(streamed("shop.items")(items)), "full")
    assert "shop.items" in [stream.name for stream in ours.recorder.recording.started]


def one_endpoint(function):
    other = NinjaAPI(urls_namespace=f"{id(function)}")
    other.get("/{ending}", response=SSE[Item])(function)
    return Django(urls=(path("", other.urls),), path="/{ending}")
