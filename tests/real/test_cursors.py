"""Rows of aiosqlite and psycopg, read while the response is sent."""

import pytest

import streaminstr
from real_bodies import Turn
from real_check import check
from real_cursors import Rows, aiosqlite_cursor, psycopg_cursor, psycopg_rows
from real_django import Django
from real_seen import trouble


@pytest.fixture(params=[aiosqlite_cursor, psycopg_cursor])
def rows(postgres, request):
    return Rows(request.param, postgres)


def test_a_generator_over_a_cursor(ending, net, rows):
    check(Django(rows.generator, net=net, after=rows.after), ending)


def test_a_generator_over_a_sync_cursor(wsgi_ending, net, postgres):
    check(Django(psycopg_rows(postgres), net=net, protocol="wsgi"), wsgi_ending)


@pytest.mark.parametrize("ending", ["full", "sends"])
def test_a_cursor_that_is_the_body_is_closed(ending, net, rows):
    _, ours = check(Django(rows.cursor, net=net, after=rows.after), ending)
    assert rows.closed[-1]
    assert not ours.trouble


async def test_a_cursor_that_is_left_early_is_closed(rows, streams):
    with trouble() as found:
        async with streaminstr.stream(await rows.cursor(Turn("full")), name="rows") as stream:
            await anext(stream)
        await rows.after()
    assert rows.closed == [True]
    assert not found.lines
