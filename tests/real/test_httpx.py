"""A response that passes on what an upstream streams, by httpx."""

import pytest

from real_check import check
from real_django import Django
from real_proxy import Proxy


@pytest.fixture
def proxy(upstream):
    return Proxy(upstream)


@pytest.mark.parametrize("body", ["generator", "aiter_bytes", "stream"])
def test_an_async_body_leaves_no_connection_open(body, ending, net, proxy):
    check(Django(getattr(proxy, body), net=net, after=proxy.after), ending)
    assert proxy.left[-1] == 0


@pytest.mark.parametrize("body", ["sync_generator", "iter_bytes", "sync_stream"])
def test_a_sync_body_leaves_no_connection_open(body, wsgi_ending, net, proxy):
    site = Django(getattr(proxy, body), net=net, after=proxy.after_sync, protocol="wsgi")
    check(site, wsgi_ending)
    assert proxy.left[-1] == 0


def test_the_stream_of_a_response_is_closed_as_a_body(ending, net, proxy):
    check(Django(proxy.stream, net=net, after=proxy.after), ending)
    is_left = ending == "fails" and not net  # it could go on, and Django closes nothing
    assert proxy.closed[-1] or is_left


def test_the_stream_of_a_sync_response_is_closed_as_a_body(wsgi_ending, net, proxy):
    check(Django(proxy.sync_stream, net=net, after=proxy.after_sync, protocol="wsgi"), wsgi_ending)
    assert proxy.closed[-1]
