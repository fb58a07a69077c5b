"""Responses that are complete come in several messages, too: no stream, and no scope."""

import pytest
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.http import HttpResponse
from django.urls import path

from real_check import compare, visit
from real_django import Django
from real_spans import asgi_with_span

CACHE = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
)


def page(request):
    return HttpResponse(b"x" * 200_000, content_type="text/plain")


def test_a_file_of_the_static_handler(net, tmp_path):
    (tmp_path / "site.css").write_text("body {}" * 30_000)
    found = {"STATICFILES_DIRS": [str(tmp_path)], "STATIC_URL": "/static/", "DEBUG": True}
    site = Django(
        path="/static/site.css",
        net=net,
        settings=found,
        around=lambda app: asgi_with_span(ASGIStaticFilesHandler(app)),
    )
    _, ours = compare(site, "full")
    assert ours.recorder.streams == []


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize("middleware", [(), CACHE], ids=["made", "cached"])
def test_a_long_page(middleware, protocol, net):
    urls = (path("page", page),)
    site = Django(urls=urls, path="/page", net=net, middleware=middleware, protocol=protocol)
    for _ in ("made", "from the cache, if there is one"):
        assert visit(site, "full", ours=True).recorder.streams == []
