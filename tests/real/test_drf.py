"""Django REST framework: views that return a streaming response."""

import pytest
from django.http import StreamingHttpResponse
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.views import APIView

from real_bodies import Turn
from real_check import check, compare
from real_django import Django
from real_rows import async_rows, rows


class Export(APIView):
    def get(self, request, ending):
        return StreamingHttpResponse(rows(Turn(ending)), content_type="text/plain")


@api_view(["GET"])
def export(request, ending):
    return StreamingHttpResponse(rows(Turn(ending)), content_type="text/plain")


@api_view(["GET"])
def async_export(request, ending):
    return StreamingHttpResponse(async_rows(Turn(ending)), content_type="text/plain")


def urls(view):
    return (path("stream/<str:ending>", view),)


@pytest.mark.parametrize("view", [Export.as_view(), export], ids=["class", "function"])
def test_a_sync_body(view, wsgi_ending, net):
    check(Django(urls=urls(view), protocol="wsgi", net=net), wsgi_ending)


def test_an_async_body(ending, net):
    check(Django(urls=urls(async_export), net=net), ending)


@pytest.mark.parametrize("ending", ["full", "fails"])
@pytest.mark.parametrize("view", [Export.as_view(), export], ids=["class", "function"])
def test_a_sync_body_of_an_async_server(view, ending, net):
    check(Django(urls=urls(view), net=net), ending)


def test_what_it_answers_by_itself_has_no_scope(net):
    """Such a view accepts no POST: the framework's own response is complete."""
    options = {"REQUEST_METHOD": "POST"}
    site = Django(urls=urls(export), net=net, protocol="wsgi", options=options)
    _, ours = compare(site, "full")
    assert ours.seen.status.startswith("405")
    assert ours.recorder.streams == []
