"""Django's ORM read while the response is sent."""

import pytest

from real_check import check
from real_django import Django
from real_rows import async_rows, rows, rows_in_threads

ASYNC = pytest.mark.parametrize("body", [async_rows, rows_in_threads])


@ASYNC
def test_rows_read_asynchronously_are_sent(body, ending, net):
    check(Django(body, net=net), ending)


@ASYNC
@pytest.mark.parametrize("ending", ["full", "fails"])
def test_rows_read_asynchronously_are_sent_by_a_sync_server(body, ending, net):
    check(Django(body, protocol="wsgi", net=net), ending)


def test_rows_of_an_iterator_are_sent(wsgi_ending, net):
    check(Django(rows, protocol="wsgi", net=net), wsgi_ending)


@pytest.mark.parametrize("ending", ["full", "fails"])
def test_rows_of_an_iterator_are_sent_by_an_async_server(ending, net):
    check(Django(rows, net=net, sync_view=True), ending)
