"""A WSGI response has one Context: what is entered in it, by whatever code, is left in it."""

import io
import logging
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from wsgiref.handlers import SimpleHandler

import pytest
from flask import Flask, Response, stream_with_context
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

import streaminstr
from server_by_hand import call, environ
from streaminstr.wsgi import StreamScopeMiddleware

bound = ContextVar("bound", default="nothing")
seen = []


@pytest.fixture(autouse=True)
def forget(caplog):
    seen.clear()
    caplog.set_level(logging.WARNING)
    yield
    assert caplog.get_records("call") == []


@contextmanager
def bind(value):
    """As structlog's `bound_contextvars` and OpenTelemetry's `use_span` do."""
    token = bound.set(value)
    try:
        yield
    finally:
        bound.reset(token)
        seen.append(f"{value} left")


def answers(result):
    def app(environ, start_response):
        start_response("200 OK", [])
        return result() if callable(result) else result

    return StreamScopeMiddleware(app)


def holding():
    with bind("body"):
        for number in (b"1", b"2", b"3"):
            seen.append(bound.get())
            yield number


def binding(app):
    """A middleware that binds in its call, and lets go when the response is closed."""

    def middleware(environ, start_response):
        binding = bind("request")
        binding.__enter__()
        result = app(environ, start_response)

        def steps():
            try:
                yield from result
            finally:
                binding.__exit__(None, None, None)

        return steps()

    return middleware


def read(app, chunks=None):
    """The body, or its first chunks."""
    result = call(app)
    iterator = iter(result)
    got = list(iterator) if chunks is None else [next(iterator) for _ in range(chunks)]
    result.close()
    assert bound.get() == "nothing"
    return got


@pytest.mark.parametrize("chunks", [None, 1])
def test_what_a_body_has_entered_is_left_in_the_same_context(recorded, chunks):
    read(answers(holding), chunks)
    assert seen[-1] == "body left"


@pytest.mark.parametrize("chunks", [None, 1])
def test_so_is_what_was_entered_in_the_call_of_the_application(recorded, chunks):
    read(StreamScopeMiddleware(binding(lambda environ, start: holding())), chunks)
    assert seen[-2:] == ["body left", "request left"]


@pytest.mark.parametrize("chunks", [None, 1])
def test_so_is_what_a_view_has_entered_that_takes_the_first_chunk(recorded, chunks):
    """`chain` has no `close`: its parts are cleaned up when it is dropped."""

    def primed():
        body = holding()
        return chain([next(body)], body)

    read(answers(primed), chunks)
    assert seen[-1] == "body left"


@pytest.mark.parametrize("chunks", [None, 1])
@pytest.mark.parametrize("result", [[b"1", b"2"], [b"1"]])
def test_middleware_of_opentelemetry_inside_of_the_net_logs_nothing(recorded, result, chunks):
    app = OpenTelemetryMiddleware(lambda environ, start: (start("200 OK", []), result)[1])
    read(StreamScopeMiddleware(app), chunks)


@pytest.mark.parametrize("chunks", [None, 1])
def test_a_generator_that_flask_has_begun_runs_where_it_was_begun(recorded, chunks):
    """And inside of its scope."""
    app = Flask("shop")

    @app.get("/")
    def export():
        def body():
            for _ in range(2):
                seen.append(streaminstr.current_stream().info.name)
                yield b"row"

        return Response(stream_with_context(body()))

    read(StreamScopeMiddleware(app.wsgi_app), chunks)
    assert set(seen) == {"GET /"}


class Unstreamed:
    """A result that is no stream by its own word, as a plain response of Django's is."""

    streaming = False

    def __init__(self, steps, close):
        self._steps, self.close = steps, close

    def __iter__(self):
        return self._steps


def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


def test_a_close_while_a_step_runs_elsewhere_reaches_the_result(recorded):
    in_step, go_on = threading.Event(), threading.Event()

    def steps():
        in_step.set()
        go_on.wait(5)
        yield b"1"

    result = call(answers(Unstreamed(steps(), lambda: seen.append("closed"))))
    thread = in_thread(next, iter(result))
    in_step.wait(5)
    result.close()
    assert seen == ["closed"]
    go_on.set()
    thread.join(5)


def test_a_step_while_a_close_runs_elsewhere_reaches_the_result(recorded):
    in_close, go_on = threading.Event(), threading.Event()

    def close():
        in_close.set()
        go_on.wait(5)

    result = call(answers(Unstreamed(iter([b"1", b"2"]), close)))
    assert next(result) == b"1"
    thread = in_thread(result.close)
    in_close.wait(5)
    assert next(result) == b"2"
    go_on.set()
    thread.join(5)


def test_an_error_of_the_close_goes_on_to_the_server_and_the_close_is_not_called_again(recorded):
    def close():
        seen.append("called")
        raise RuntimeError

    result = call(answers(Unstreamed(iter([]), close)))
    with pytest.raises(RuntimeError):
        result.close()
    result.close()
    assert seen == ["called"]


def test_after_its_close_a_result_is_exhausted(recorded):
    result = call(answers(Unstreamed(iter([b"1"]), lambda: None)))
    result.close()
    assert list(result) == []


class OneChunk:
    def __len__(self):
        return 1

    def __iter__(self):
        return iter([b"whole"])


class Unknown(OneChunk):
    def __len__(self):
        raise NotImplementedError


def sent_by_wsgiref(app):
    out, err = io.BytesIO(), io.StringIO()
    handler = SimpleHandler(io.BytesIO(), out, err, environ(), multithread=False)
    handler.run(app)
    assert err.getvalue() == ""
    return out.getvalue().decode()


@pytest.mark.parametrize(("result", "length"), [(OneChunk, True), (Unknown, False)])
def test_a_result_of_one_chunk_keeps_the_content_length_that_servers_make_of_it(
    recorded, result, length
):
    assert ("Content-Length: 5" in sent_by_wsgiref(answers(result))) is length


def test_a_result_of_one_chunk_is_no_stream(recorded):
    assert read(answers(OneChunk)) == [b"whole"]
    assert recorded.streams == []


def test_only_a_result_of_one_chunk_has_a_length(recorded):
    """Some servers ask for `__len__` first, and do not expect it to raise."""
    assert not hasattr(call(answers(iter([b"1", b"2"]))), "__len__")
