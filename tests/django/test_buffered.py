"""A body of the other kind than the handler: Django reads it whole before the first byte."""

import io
import logging

import pytest
from django.http import FileResponse, StreamingHttpResponse
from django.test import RequestFactory

import streaminstr
from django_by_hand import Asgi, Wsgi
from django_site import AsyncBody, Body
from streaminstr.django import _buffered
from streaminstr.django.decorators import stream_scope

pytestmark = [
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.parametrize("path", ["/sync/", "/async/"]),
]
WSGI_SAYS = (
    "Django reads the whole body of 'sync/' before it sends the first byte: the body is async, and "
    "the site runs under WSGI. Return a sync generator from the view, or serve the site by ASGI."
)
ASGI_SAYS = (
    "Django reads the whole body of 'sync/' before it sends the first byte: the body is sync, and "
    "the site runs under ASGI. Return an async generator from the view, or serve the site by WSGI."
)


@pytest.fixture(autouse=True)
def log(monkeypatch, caplog):
    """What the library logs, as in a process that has logged none of it."""
    monkeypatch.setattr(_buffered, "_noted", set())
    with caplog.at_level(logging.INFO, logger="streaminstr"):
        yield caplog


def buffered(backend):
    return [one.report.buffered for one in backend.closed]


async def own_async():
    yield b"a"


@pytest.mark.parametrize(
    "make",
    [
        lambda: StreamingHttpResponse(AsyncBody(b"a")),
        lambda: StreamingHttpResponse(streaminstr.stream(own_async(), name="own")),
    ],
)
def test_an_async_body_under_wsgi(path, make, answer, backend, log):
    answer(make)
    assert Wsgi(path).read() == Wsgi(path).read() == b"a"
    assert buffered(backend) == [True, True]
    said = WSGI_SAYS.replace("sync/", path.removeprefix("/"))
    assert [(one.levelname, one.getMessage()) for one in log.records] == [("INFO", said)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: StreamingHttpResponse(Body(b"a")),
        lambda: StreamingHttpResponse(streaminstr.stream([b"a"], name="own")),
        lambda: FileResponse(io.BytesIO(b"a")),
    ],
)
async def test_a_sync_body_under_asgi(path, make, answer, backend, log):
    answer(make)
    assert (await Asgi(path).run()).body == (await Asgi(path).run()).body == b"a"
    assert buffered(backend) == [True, True]
    said = ASGI_SAYS.replace("sync/", path.removeprefix("/"))
    assert [(one.levelname, one.getMessage()) for one in log.records] == [("INFO", said)]


def test_a_sync_body_under_wsgi_is_streamed(path, answer, backend, log):
    answer(lambda: StreamingHttpResponse(Body(b"a")))
    assert Wsgi(path).read() == b"a"
    assert (buffered(backend), log.records) == ([None], [])
    assert "streaminstr.buffered" not in backend.closed[0].report.as_attributes()


async def test_an_async_body_under_asgi_is_streamed(path, answer, backend, log):
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    assert (await Asgi(path).run()).body == b"a"
    assert (buffered(backend), log.records) == ([None], [])


def test_each_route_has_one_record(path, answer, log):
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    for each in (path, "/orders/1/", "/orders/2/", path):
        Wsgi(each).read()
    assert len(log.records) == 2
    assert "'orders/<int:pk>/'" in log.records[1].getMessage()


def test_a_response_without_a_route_has_the_name_of_its_stream(path, backend, log):
    view = stream_scope("own")(lambda request: StreamingHttpResponse(AsyncBody(b"a")))
    response = view(RequestFactory().get(path))
    assert b"".join(response) == b"a"
    response.close()
    assert "body of 'own' before" in log.records[0].getMessage()


def test_a_logger_that_raises_costs_nothing(path, answer, backend, errors, monkeypatch):
    def info(*_):
        raise OSError

    monkeypatch.setattr(_buffered.logger, "info", info)
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    assert Wsgi(path).read() == b"a"
    assert buffered(backend) == [True]
    assert sum(errors.values()) == 1
