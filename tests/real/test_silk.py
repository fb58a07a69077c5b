"""django-silk, which profiles the request and its queries; it knows nothing of async."""

from real_check import check
from real_django import Django
from real_rows import async_rows, rows

SILK = ("silk.middleware.SilkyMiddleware",)


def test_a_sync_body(wsgi_ending, net):
    check(Django(rows, protocol="wsgi", middleware=SILK, net=net), wsgi_ending)


def test_an_async_body(ending, net):
    check(Django(async_rows, middleware=SILK, net=net), ending)
