"""A FileResponse has its scope, and the server still sends the file by itself."""

import io
from wsgiref.util import FileWrapper

import pytest
from django.http import FileResponse, HttpResponse
from django.test import Client, override_settings

from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from streaminstr.django import _instrument

CONTENT = b"0123456789" * 1000
GZIP = "django.middleware.gzip.GZipMiddleware"


@pytest.fixture
def file(answer, tmp_path):
    """An open file, which the view answers with."""
    path = tmp_path / "numbers.txt"
    path.write_bytes(CONTENT)
    with path.open("rb") as opened:
        answer(lambda: FileResponse(opened))
        yield opened


def sent_by_server(**environ):
    return Wsgi(**{"wsgi.file_wrapper": FileWrapper}, **environ)


def test_the_server_is_given_the_file_itself(file, backend):
    request = sent_by_server()
    assert type(request.body) is FileWrapper
    assert request.body.filelike is file
    assert request.read() == CONTENT
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.bytes, stream.report.chunks) == ("completed", 10_000, 0)
    assert stream.report.zero_copy
    assert file.closed


def test_its_scope_is_dated_back_to_the_making_of_the_response(file, backend, monkeypatch):
    monkeypatch.setattr(_instrument.time, "time_ns", lambda: 42)
    sent_by_server().read()
    assert backend.streams[0].info.started_ns == 42


def test_the_headers_are_those_that_django_sets(file):
    ours = sent_by_server()
    with override_settings(MIDDLEWARE=[]):
        file.seek(0)
        assert ours.headers == sent_by_server().headers


def test_closed_twice_it_ends_once(file, backend, finished):
    request = sent_by_server()
    request.close()
    file.close()
    assert [stream.outcome for stream in backend.closed] == ["completed"]
    assert len(finished) == 2  # the second by file.close, which is Django's response.close


def test_without_a_content_length_the_size_is_not_known(answer, backend):
    def unmeasured():
        response = FileResponse(io.BytesIO(CONTENT))
        del response["Content-Length"]
        return response

    answer(unmeasured)
    assert sent_by_server().read() == CONTENT
    assert backend.closed[0].report.bytes == 0


def test_a_head_sends_no_file(file, backend):
    sent_by_server(REQUEST_METHOD="HEAD").close()
    assert backend.started == []
    assert file.closed


def test_a_file_that_never_came_to_the_server_was_not_sent(file, backend, outer):
    def instead(response):
        response.close()
        return HttpResponse(b"instead")

    with outer(instead):
        assert sent_by_server().read() == b"instead"
    assert backend.started == []
    assert file.closed


def test_compressed_outside_it_is_an_ordinary_stream(file, backend):
    with override_settings(MIDDLEWARE=[GZIP, MIDDLEWARE]):
        request = sent_by_server(HTTP_ACCEPT_ENCODING="gzip")
        assert type(request.body) is not FileWrapper
        request.read()
    assert backend.closed[0].report.bytes == len(CONTENT)
    assert backend.closed[0].report.zero_copy is None


def test_without_a_file_wrapper_it_is_an_ordinary_stream(file, backend):
    assert Wsgi().read() == CONTENT
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.bytes, stream.report.chunks) == ("completed", 10_000, 3)
    assert stream.info.started_ns is None
    assert file.closed


def test_left_halfway_its_file_is_closed(file, backend):
    request = Wsgi()
    next(iter(request.body))
    request.close()
    assert [stream.outcome for stream in backend.closed] == ["cancelled"]
    assert file.closed


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
async def test_under_asgi_it_is_an_ordinary_stream(file, backend):
    assert (await Asgi("/sync/").run()).body == CONTENT
    assert [stream.report.bytes for stream in backend.closed] == [10_000]
    assert file.closed


def test_the_test_client_reads_it(file, backend):
    assert Client().get("/sync/").getvalue() == CONTENT
    assert [stream.outcome for stream in backend.closed] == ["completed"]
