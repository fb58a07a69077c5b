"""A drain under Django: the farewell, and what a body knows, by the settings."""

import asyncio

import pytest
from django.apps import apps
from django.http import StreamingHttpResponse
from django.test import override_settings

from django_by_hand import Asgi, Wsgi
from streaminstr import _configure, close_stream, current_stream, stream

BYE = b"event: bye\n\n"
EVENT = b"data: 1\n\n"


@pytest.fixture(autouse=True)
def farewell(backend):
    with override_settings(STREAMINSTR={"BACKEND": backend, "FAREWELL": BYE}):
        yield


def event_stream(body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return StreamingHttpResponse(body, content_type="text/event-stream", headers=named)


def sync_body():
    yield EVENT
    close_stream(current_stream().id)
    yield EVENT
    yield EVENT


async def async_body():
    yield EVENT
    close_stream(current_stream().id)
    await asyncio.Event().wait()


def cause(backend):
    (closed,) = backend.closed
    return closed.outcome, closed.report.cancelled_by


def test_a_response_under_wsgi_ends_with_the_farewell(answer, backend):
    answer(lambda: event_stream(sync_body()))
    assert Wsgi().read() == EVENT + EVENT + BYE
    assert cause(backend) == ("cancelled", "server")


async def test_one_under_asgi_that_waits_too(answer, backend):
    answer(lambda: event_stream(async_body()))
    assert (await Asgi().run()).body == EVENT + BYE
    assert cause(backend) == ("cancelled", "server")


@pytest.mark.parametrize(
    "headers", [{"Content_Length": str(3 * len(EVENT))}, {"Content_Encoding": "gzip"}]
)
def test_one_that_is_of_fixed_length_or_encoded_has_none(answer, backend, headers):
    answer(lambda: event_stream(sync_body(), **headers))
    assert Wsgi().read() == EVENT + EVENT


def test_nor_has_what_is_no_event_stream(answer, backend):
    answer(lambda: StreamingHttpResponse(sync_body(), content_type="text/csv"))
    assert Wsgi().read() == EVENT + EVENT


def test_a_stream_of_the_views_own_says_it_too(answer, backend):

    answer(lambda: event_stream(stream(sync_body())))
    assert Wsgi().read() == EVENT + EVENT + BYE
    assert cause(backend) == ("cancelled", "server")


def test_the_signal_is_listened_to_once_the_apps_are_ready(monkeypatch, backend):
    watched = []
    monkeypatch.setattr(_configure, "watch", lambda: watched.append(True))
    app = apps.get_app_config("streaminstr")
    app.ready()
    assert watched == []
    with override_settings(STREAMINSTR={"BACKEND": backend, "DRAIN": {"GRACE": 20}}):
        assert _configure.current().drain == 20
        app.ready()
    assert watched == [True]
