"""Bodies whose first chunk the view takes, so that an early error becomes an answer of its own.

They hold structlog's and OpenTelemetry's tokens across their yields, and so have to be stepped
where they were begun.
"""

from itertools import chain

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from real_check import check
from real_django import Django
from real_spans import TRACER, note

BEGUN = {"parent": "export", "inside": "export", "begun": True}


def lines(turn):
    with bound_contextvars(shop="tea"), TRACER.start_as_current_span("export"):
        for number in range(4):
            note(get_contextvars().get("shop"))
            yield f"{number}\n"
            turn.next()


async def async_lines(turn):
    with bound_contextvars(shop="tea"), TRACER.start_as_current_span("export"):
        for number in range(4):
            note(get_contextvars().get("shop"))
            yield f"{number}\n"
            await turn.anext()


def chained(turn):
    begun = lines(turn)
    return chain([next(begun)], begun)


def continued(turn):
    begun = lines(turn)
    return _rest(next(begun), begun)


def _rest(first, begun):
    yield first
    yield from begun


async def async_continued(turn):
    begun = async_lines(turn)
    return _async_rest(await anext(begun), begun)


async def _async_rest(first, begun):
    yield first
    async for line in begun:
        yield line


@pytest.mark.parametrize("body", [chained, continued])
def test_a_sync_body(body, wsgi_ending, net):
    check(Django(body, protocol="wsgi", net=net), wsgi_ending, **BEGUN)


@pytest.mark.parametrize("body", [chained, continued])
@pytest.mark.parametrize("ending", ["full", "fails"])
def test_a_sync_body_of_an_async_server(body, ending, net):
    check(Django(body, net=net, sync_view=True), ending, **BEGUN)


def test_an_async_body(ending, net):
    check(Django(async_continued, net=net), ending, **BEGUN)
