"""The outermost net for WSGI: scopes for any framework, nothing left open, nothing leaked."""

import io
import threading
from contextvars import ContextVar
from itertools import chain
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from flask import Flask, Response

import streaminstr
from adapter import adapt
from server_by_hand import call, environ
from streaminstr import Outcome, _configure
from streaminstr._calls import guard
from streaminstr.wsgi import StreamScopeMiddleware

leaked = ContextVar("leaked", default="clean")
kept = []


@pytest.fixture(autouse=True)
def forget():
    kept.clear()
    guard.errors.clear()


def answers(result, status="200 OK", headers=()):
    """An application that answers `result`."""

    def app(environ, start_response):
        start_response(status, list(headers))
        return result

    return StreamScopeMiddleware(app)


def serve(app, **options):
    result = call(app, **options)
    try:
        return list(result)
    finally:
        if hasattr(result, "close"):
            result.close()


def numbers():
    try:
        yield from (b"1", b"2", b"3")
    finally:
        kept.append("cleaned")


def test_an_iterable_has_one_scope(recorded):
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    assert serve(answers(numbers(), headers=headers), path="/numbers") == [b"1", b"2", b"3"]
    (stream,) = recorded.streams
    assert stream.events == ["open", "start", "close"]
    assert (stream.name, stream.outcome, stream.report.bytes) == ("GET", "completed", 3)
    assert stream.info.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": "/numbers",
        "streaminstr.content_type": "text/plain",
    }


def test_a_path_is_told_as_text(recorded):
    serve(answers(numbers()), path="/\u00c3\u00bc", SCRIPT_NAME="/shop")
    assert recorded.streams[0].info.attributes["url.path"] == "/shop/\u00fc"


def test_an_application_that_is_a_generator_has_a_scope(recorded):
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"1"

    assert serve(StreamScopeMiddleware(app)) == [b"1"]
    assert recorded.closed[0].outcome is Outcome.COMPLETED


@pytest.mark.parametrize("result", [[], [b"one"], (b"one",)])
def test_what_is_no_stream_is_left_as_it_is(recorded, result):
    assert call(answers(result)) is result
    assert recorded.streams == []


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 OK")]
)
def test_a_response_without_content_has_no_scope(recorded, method, status):
    serve(answers(numbers(), status), method=method)
    assert recorded.streams == []
    assert kept == ["cleaned"]


def test_a_list_of_several_chunks_is_a_stream(recorded):
    assert serve(answers([b"1", b"2"])) == [b"1", b"2"]
    assert recorded.closed[0].report.chunks == 2


def test_closing_early_cancels_and_cleans_up_once(recorded):
    result = call(answers(numbers()))
    assert next(result) == b"1"
    result.close()
    result.close()
    assert kept == ["cleaned"]
    assert recorded.streams[0].events == ["open", "start", "close"]
    assert recorded.streams[0].outcome is Outcome.CANCELLED
    assert recorded.streams[0].report.cancelled_by is None


def test_closing_early_while_the_process_stops_is_its_doing(recorded, stopping):
    result = call(answers(numbers()))
    next(result)
    result.close()
    assert recorded.closed[0].report.cancelled_by == "server"


def test_an_exception_fails_the_stream_and_goes_on_to_the_server(recorded):
    def body():
        yield b"1"
        raise KeyError

    with pytest.raises(KeyError):
        serve(answers(body()))
    assert recorded.closed[0].outcome is Outcome.FAILED


def leaves_open(environ, start_response):
    """Takes one chunk of a response and forgets it, out of reach of the collector."""
    start_response("200 OK", [])
    kept.append(adapt(numbers(), environ))
    next(kept[0])
    return [b"one"]


def test_what_is_left_open_is_closed_when_the_response_is_no_stream(recorded):
    serve(StreamScopeMiddleware(leaves_open))
    assert kept[1:] == ["cleaned"]
    assert [stream.name for stream in recorded.closed] == ["left"]


def test_what_is_left_open_is_closed_when_the_application_fails(recorded):
    def app(environ, start_response):
        leaves_open(environ, start_response)
        raise KeyError

    with pytest.raises(KeyError):
        call(StreamScopeMiddleware(app))
    assert len(recorded.closed) == 1


def test_what_is_left_open_is_closed_when_the_body_cannot_be(recorded):
    class Body:
        streaming = False

        def __iter__(self):
            return iter(())

        def close(self):
            raise KeyError

    def app(environ, start_response):
        leaves_open(environ, start_response)
        return Body()

    with pytest.raises(KeyError):
        serve(StreamScopeMiddleware(app))
    assert [stream.name for stream in recorded.closed] == ["left"]


def test_clean_up_of_what_is_left_open_is_reported_when_it_fails(recorded, caplog):
    def fails():
        try:
            yield b"1"
        finally:
            raise KeyError

    def app(environ, start_response):
        start_response("200 OK", [])
        kept.append(adapt(fails(), environ))
        next(kept[0])
        return [b"one"]

    assert serve(StreamScopeMiddleware(app)) == [b"one"]
    assert "KeyError" in caplog.text
    assert len(recorded.closed) == 1


def test_a_body_that_is_a_stream_already_gets_no_second_scope(recorded):
    def app(environ, start_response):
        start_response("200 OK", [])
        return streaminstr.stream(numbers(), name="mine")

    serve(StreamScopeMiddleware(app))
    assert [stream.name for stream in recorded.streams] == ["mine"]


def test_a_stream_whose_first_chunk_was_taken_gets_no_second_scope(recorded):
    def app(environ, start_response):
        start_response("200 OK", [])
        body = streaminstr.stream(numbers(), name="mine")
        return chain([next(body)], body)

    assert serve(StreamScopeMiddleware(app)) == [b"1", b"2", b"3"]
    assert [stream.name for stream in recorded.streams] == ["mine"]


def test_a_stream_that_the_view_has_read_to_its_end_is_not_the_body(recorded):
    def app(environ, start_response):
        start_response("200 OK", [])
        kept.append(streaminstr.stream(numbers(), name="read"))
        return iter(list(kept[0]))

    serve(StreamScopeMiddleware(app))
    assert [stream.name for stream in recorded.streams] == ["read", "GET"]


def leaking(environ, start_response):
    start_response("200 OK", [])
    leaked.set("by the application")
    for _ in range(2):
        kept.append(leaked.get())
        leaked.set("by a step")
        yield b"1"


def test_nothing_that_a_response_sets_is_seen_by_the_server(recorded):
    result = call(StreamScopeMiddleware(leaking))
    next(result)
    assert leaked.get() == "clean"
    result.close()
    assert leaked.get() == "clean"


def test_what_a_response_sets_stays_set_for_itself(recorded):
    serve(StreamScopeMiddleware(leaking))
    assert kept == ["by the application", "by a step"]


def test_the_iterator_is_asked_for_with_the_first_chunk_and_not_before(recorded):
    class Body:
        streaming = False

        def __iter__(self):
            kept.append("iter")
            return iter((b"1",))

    result = call(answers(Body()))
    assert kept == []
    assert list(result) == [b"1"]
    result.close()


@pytest.mark.parametrize("wrapper", [FileWrapper, lambda file, size=0: file])
def test_a_file_that_the_server_is_to_send_is_left_untouched(recorded, wrapper):
    file = wrapper(io.FileIO("/dev/null"))

    result = call(answers(file), **{"wsgi.file_wrapper": wrapper})
    assert result is file
    file.close()


def test_a_file_without_a_descriptor_is_left_untouched_where_the_server_takes_it_as_it_is(recorded):
    """The wrapper of uWSGI returns the file itself, which has to have `read` and nothing else."""

    class Reader:
        read = io.BytesIO(b"some").read

    file = Reader()
    result = call(answers(file), **{"wsgi.file_wrapper": lambda file, size=0: file})
    assert result is file


def test_a_body_is_no_file_because_the_server_could_send_one(recorded):
    assert serve(answers(numbers()), **{"wsgi.file_wrapper": lambda file: file})
    assert len(recorded.closed) == 1


def test_the_protocol_is_kept(recorded):
    """As wsgiref's validator sees it, inside of the net and outside of it."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return numbers()

    checked = validator(StreamScopeMiddleware(validator(app)))
    made = environ()
    result = checked(made, lambda status, headers, exc_info=None: lambda data: None)
    assert list(result) == [b"1", b"2", b"3"]
    result.close()
    assert recorded.closed[0].outcome is Outcome.COMPLETED


def test_a_status_that_cannot_be_read_breaks_nothing(recorded, caplog):
    assert serve(answers(numbers(), status="nonsense")) == [b"1", b"2", b"3"]
    assert "http.response.status_code" not in recorded.closed[0].info.attributes


def test_with_the_backend_turned_off_the_application_is_called_as_it_is(off):
    result = [b"one"]

    def app(environ, start_response):
        assert start_response is print
        return result

    assert StreamScopeMiddleware(app)(environ(), print) is result


def test_with_settings_that_cannot_work_the_application_is_called_as_it_is(monkeypatch):
    def broken():
        raise streaminstr.StreaminstrError

    monkeypatch.setattr(_configure._state, "adapter", broken)
    assert serve(answers(numbers())) == [b"1", b"2", b"3"]


def test_a_net_in_a_net_makes_no_second_scope(recorded):
    serve(StreamScopeMiddleware(answers(numbers())))
    assert len(recorded.streams) == 1


def flask():
    app = Flask("shop")

    @app.get("/numbers/<kind>")
    def streamed(kind):
        return Response(numbers(), mimetype="text/plain")

    @app.get("/plain")
    def plain():
        return "all of it"

    app.wsgi_app = StreamScopeMiddleware(app.wsgi_app)
    return app.test_client()


def test_flask_is_named_by_its_route(recorded):
    assert flask().get("/numbers/odd").data == b"123"
    (stream,) = recorded.streams
    assert stream.name == "GET /numbers/<kind>"
    assert (stream.outcome, stream.report.chunks) == ("completed", 3)


@pytest.mark.parametrize(("method", "path"), [("get", "/plain"), ("head", "/numbers/odd")])
def test_a_plain_response_of_flask_has_no_scope(recorded, method, path):
    getattr(flask(), method)(path)
    assert recorded.streams == []


def test_the_servers_start_response_may_be_given_an_error_by_name(recorded):
    given = []

    def app(environ, start_response):
        start_response("500 Oops", [], exc_info=("kind", "error", "traceback"))
        return [b""]

    def start_response(status, headers, exc_info=None):
        given.append(exc_info)

    StreamScopeMiddleware(app)(environ(), start_response)
    assert given == [("kind", "error", "traceback")]


def test_a_close_during_a_step_in_another_thread_raises_nothing_into_the_server(recorded):
    blocked, go_on = threading.Event(), threading.Event()

    def body():
        blocked.set()
        go_on.wait(5)
        yield b"1"

    result = call(answers(body()))
    thread = threading.Thread(target=next, args=(iter(result),))
    thread.start()
    blocked.wait(5)
    result.close()
    go_on.set()
    thread.join()
    assert [stream.outcome for stream in recorded.streams] == ["cancelled"]


@pytest.mark.parametrize(
    ("environ", "resumed"), [({"HTTP_LAST_EVENT_ID": "7"}, True), ({"HTTP_COOKIE": "a"}, None)]
)
def test_a_stream_that_is_resumed_says_so(recorded, environ, resumed):
    serve(answers(numbers()), **environ)
    assert recorded.closed[0].report.resumed is resumed


def test_a_shutdown_ends_the_stream_and_leaves_the_response_to_the_server(recorded):
    result = call(answers(numbers()))
    assert next(result) == b"1"
    streaminstr.shutdown(0)
    assert (recorded.streams[0].outcome, kept) == (Outcome.CANCELLED, ["cleaned"])
    assert list(result) == []
    result.close()


def test_an_error_of_a_response_without_a_scope_is_the_applications(recorded):
    def broken():
        yield b"1"
        msg = "of the application"
        raise RuntimeError(msg)

    result = call(answers(broken(), headers=[("Content-Length", "2")]))
    assert next(result) == b"1"
    with pytest.raises(RuntimeError, match="of the application"):
        next(result)
    assert recorded.streams == []
