"""FastAPI: responses that stream, functions that yield, and Django mounted in it."""

import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import EventSourceResponse, StreamingResponse
from pydantic import BaseModel

from real_app import App
from real_bodies import Turn
from real_check import check
from real_django import Django
from real_rows import async_rows
from real_spans import asgi_with_span, note
from real_starlette import lines

ENDINGS = pytest.mark.parametrize("ending", ["full", "fails", "waits", "sends", "refused"])


class Item(BaseModel):
    n: int


async def session():
    try:
        yield
    finally:
        note("session closed")


async def stream(ending: str):
    return StreamingResponse(lines(Turn(ending)))


async def items(ending: str):
    turn = Turn(ending)
    try:
        for number in range(4):
            note(number)
            yield Item(n=number)
            await turn.anext()
    finally:
        note("cleaned up")


def app():
    shop = FastAPI(dependencies=[Depends(session)])
    shop.get("/stream/{ending}")(stream)
    shop.get("/jsonl/{ending}")(items)
    shop.get("/sse/{ending}", response_class=EventSourceResponse)(items)
    return shop


@ENDINGS
@pytest.mark.parametrize("kind", ["stream", "jsonl", "sse"])
def test_a_stream(kind, ending):
    check(App(app, "asgi", f"/{kind}/{{ending}}"), ending, inside=None)


@pytest.mark.parametrize("ending", ["full", "fails", "waits", "sends"])
def test_a_stream_of_django_that_is_mounted(ending, net):
    def mounted(django):
        app = FastAPI()
        app.mount("/", django)
        return asgi_with_span(app)

    check(Django(async_rows, net=net, around=mounted), ending)
