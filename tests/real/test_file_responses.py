"""FileResponse where the server has a `wsgi.file_wrapper`, and yet has to read the file."""

from functools import partial
from io import BytesIO
from wsgiref.util import FileWrapper

import pytest
from django.http import FileResponse
from django.urls import path
from gunicorn.http.wsgi import FileWrapper as GunicornFileWrapper
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

from real_bodies import Turn
from real_check import check
from real_django import Django
from real_files import SIZE, Storage, file_of
from real_spans import PROVIDER

WRAPPERS = pytest.mark.parametrize("wrapper", [FileWrapper, GunicornFileWrapper])
OPENTELEMETRY = partial(OpenTelemetryMiddleware, tracer_provider=PROVIDER)


def site(make, wrapper, net, **more):
    def view(request, ending):
        return FileResponse(make(Turn(ending)), content_type="text/plain")

    urls = (path("stream/<str:ending>", view),)
    options = {"wsgi.file_wrapper": wrapper}
    return Django(urls=urls, net=net, protocol="wsgi", options=options, **more)


@WRAPPERS
def test_the_reader_of_a_storage(wrapper, wsgi_ending, net):
    _, ours = check(site(Storage, wrapper, net), wsgi_ending)
    assert ours.recorder.recording.started[0].report.bytes == len(ours.seen.body)


@WRAPPERS
@pytest.mark.parametrize("ending", ["full", "leaves"])
def test_bytes_in_memory(wrapper, ending, net):
    _, ours = check(site(lambda turn: BytesIO(b"x" * SIZE), wrapper, net), ending)
    assert ours.recorder.recording.started[0].report.bytes == len(ours.seen.body)


@pytest.mark.parametrize("ending", ["full", "leaves"])
def test_a_file_that_a_middleware_reads(ending, net, tmp_path):
    files = site(lambda turn: file_of(tmp_path), FileWrapper, net, around=OPENTELEMETRY)
    _, ours = check(files, ending, parent=f"GET /stream/{ending}")
    assert ours.recorder.recording.started[0].report.bytes == len(ours.seen.body)
