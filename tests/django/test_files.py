"""A FileResponse has its scope, and a server that can still sends the file by itself."""

import io
import os
from wsgiref.util import FileWrapper

import pytest
from django.core.files import File
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse
from django.test import Client, override_settings

from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from streaminstr import current_stream
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


class Sendfile(FileWrapper):
    """The wrapper of a server that sends a file by its descriptor, as gunicorn and uWSGI do."""

    def __iter__(self):
        number = self.filelike.fileno()
        yield os.pread(number, os.fstat(number).st_size, self.filelike.tell())


def sent_by_server(**environ):
    return Wsgi(**{"wsgi.file_wrapper": Sendfile}, **environ)


def read_by_server(**environ):
    return Wsgi(**{"wsgi.file_wrapper": FileWrapper}, **environ)


# A server that sends the file


def test_the_server_is_given_the_file_itself(file, backend):
    request = sent_by_server()
    assert type(request.body) is Sendfile
    assert request.body.filelike.fileno() == file.fileno()
    assert request.body.filelike.name == file.name
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
    request.body.filelike.fileno()
    request.close()
    file.close()
    assert [stream.outcome for stream in backend.closed] == ["completed"]
    assert len(finished) == 2  # the second by file.close, which is Django's response.close


def test_without_a_content_length_the_size_is_not_known(answer, backend, file):
    def unmeasured():
        response = FileResponse(file)
        del response["Content-Length"]
        return response

    answer(unmeasured)
    assert sent_by_server().read() == CONTENT
    report = backend.closed[0].report
    assert report.bytes is None
    assert "streaminstr.bytes" not in report.as_attributes()


def test_a_head_sends_no_file(file, backend):
    sent_by_server(REQUEST_METHOD="HEAD").close()
    assert backend.started == []
    assert file.closed


@pytest.mark.parametrize("wrapper", [FileWrapper, Sendfile])
def test_a_client_that_left_before_the_server_took_the_file_leaves_nothing_open(
    wrapper, file, backend
):
    Wsgi(**{"wsgi.file_wrapper": wrapper}).close()
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
        assert type(request.body) is not Sendfile
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


# A server that reads the file, or middleware that iterates over it


class Reader:
    """Like the reader of an object store: it has `read` and `close` and nothing else."""

    def __init__(self, *chunks, error=None):
        self.chunks = list(chunks)
        self.error = error
        self.seen = []

    def note(self):
        self.seen.append(current_stream().info.name)

    def read(self, size=-1):
        self.note()
        if not self.chunks and self.error:
            raise self.error
        return self.chunks.pop(0) if self.chunks else b""

    def close(self):
        self.note()


@pytest.fixture(params=["file", "bytes", "django", "reader"])
def readable(request, tmp_path):
    """Every kind of file that Django can answer with, and that a server may have to read."""
    path = tmp_path / "numbers.txt"
    path.write_bytes(CONTENT)
    if request.param == "reader":
        return Reader(CONTENT[:4096], CONTENT[4096:8192], CONTENT[8192:])
    if request.param == "bytes":
        return io.BytesIO(CONTENT)
    opened = path.open("rb")
    return opened if request.param == "file" else File(opened)


def test_a_file_that_the_server_reads_is_a_stream(readable, answer, backend):
    answer(lambda: FileResponse(readable))
    assert read_by_server().read() == CONTENT
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.bytes, stream.report.chunks) == ("completed", 10_000, 3)
    assert stream.report.zero_copy is None
    assert getattr(readable, "closed", True)


def test_left_halfway_it_is_cancelled_with_what_was_read(readable, answer, backend):
    answer(lambda: FileResponse(readable))
    request = read_by_server()
    chunk = next(request.body)
    request.close()
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.bytes) == ("cancelled", len(chunk))
    assert getattr(readable, "closed", True)


def test_its_headers_are_those_of_plain(readable, answer):
    answer(lambda: FileResponse(readable))
    ours = read_by_server()
    with override_settings(MIDDLEWARE=[]):
        plain = read_by_server()
    assert (ours.status, ours.headers) == (plain.status, plain.headers)
    assert ours.read() == CONTENT


def test_each_read_and_the_close_run_in_the_stream(answer, backend):
    reader = Reader(b"a", b"b")
    answer(lambda: FileResponse(reader))
    assert read_by_server().read() == b"ab"
    assert reader.seen == ["GET sync/"] * 4


def test_a_read_that_fails_fails_the_stream(answer, backend):
    answer(lambda: FileResponse(Reader(b"a", error=ConnectionResetError("storage"))))
    request = read_by_server()
    with pytest.raises(ConnectionResetError, match="storage"):
        request.read()
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.error_type) == ("failed", "ConnectionResetError")
    assert stream.report.bytes == 1


def test_a_read_that_times_out_and_is_not_tried_again_fails_it_too(answer, backend):
    answer(lambda: FileResponse(Reader(b"a", error=TimeoutError("storage"))))
    with pytest.raises(TimeoutError):
        read_by_server().read()
    assert [stream.outcome for stream in backend.closed] == ["failed"]


def test_a_server_that_knows_the_length_need_not_read_to_the_end(answer, backend):
    answer(lambda: FileResponse(io.BytesIO(CONTENT)))
    request = read_by_server()
    assert request.body.filelike.read(10_000) == CONTENT
    request.close()
    assert [stream.outcome for stream in backend.closed] == ["completed"]


def test_what_a_server_has_read_and_put_back_is_not_counted(answer, backend):
    """Waitress looks at what it may send, and moves on by as much as the socket has taken."""
    answer(lambda: FileResponse(io.BytesIO(CONTENT)))
    request = read_by_server()
    file = request.body.filelike
    file.seek(0, os.SEEK_END)  # for its length
    file.seek(0)
    file.read(1000)
    file.seek(0)
    file.seek(10, os.SEEK_CUR)
    request.close()
    (stream,) = backend.closed
    assert (stream.outcome, stream.report.bytes) == ("cancelled", 10)


def test_what_is_read_without_an_end_is_told_by_its_type(answer, backend):
    """A read that has nothing is the end, whatever it returns."""
    reader = Reader(b"a")
    reader.chunks.append(None)
    answer(lambda: FileResponse(reader))
    request = read_by_server()
    assert request.body.filelike.read() == b"a"
    assert request.body.filelike.read() is None
    request.close()
    assert [stream.outcome for stream in backend.closed] == ["completed"]


def test_a_server_that_has_no_descriptor_to_take_reads(answer, backend):
    """Gunicorn asks for one, and reads where that raises."""
    answer(lambda: FileResponse(io.BytesIO(CONTENT)))
    request = read_by_server()
    with pytest.raises(io.UnsupportedOperation):
        request.body.filelike.fileno()
    request.close()
    assert backend.started == []


def test_what_a_file_lacks_the_server_does_not_find(answer):
    answer(lambda: FileResponse(Reader(b"a")))
    request = read_by_server()
    assert not hasattr(request.body.filelike, "fileno")
    assert not hasattr(request.body.filelike, "seek")
    request.close()


def test_its_lines_are_those_of_the_file(answer, backend):
    answer(lambda: FileResponse(io.BytesIO(b"a\nb\n")))
    request = read_by_server()
    assert list(request.body.filelike) == [b"a\n", b"b\n"]
    request.close()


def test_middleware_that_sends_the_file_in_another_way_reads_it_in_the_stream(
    answer, backend, outer
):
    reader = Reader(b"a", b"b")
    answer(lambda: FileResponse(reader))

    def in_small_parts(response):
        file = response.file_to_stream
        response.streaming_content = iter(lambda: file.read(100), b"")
        return response

    with outer(in_small_parts):
        assert read_by_server().read() == b"ab"
    assert reader.seen[0] == "GET sync/"
    assert [stream.outcome for stream in backend.closed] == ["completed"]


def test_middleware_round_the_application_that_iterates_reads_it_in_the_stream(
    file, answer, backend
):
    wsgi = pytest.importorskip("opentelemetry.instrumentation.wsgi")
    app = wsgi.OpenTelemetryMiddleware(WSGIHandler())
    request = Wsgi(app=app, SERVER_PROTOCOL="HTTP/1.1", **{"wsgi.file_wrapper": Sendfile})
    assert request.read() == CONTENT
    reader = Reader(b"a", error=OSError("storage"))
    answer(lambda: FileResponse(reader))
    request = Wsgi(app=app, SERVER_PROTOCOL="HTTP/1.1", **{"wsgi.file_wrapper": FileWrapper})
    with pytest.raises(OSError, match="storage"):
        request.read()
    assert [stream.outcome for stream in backend.closed] == ["completed", "failed"]
