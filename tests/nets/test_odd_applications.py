"""What an application does that the protocols do not foresee goes on to the server as it is."""

import json
import logging
import subprocess
import sys
from itertools import chain

import pytest

from server_by_hand import ByHand, environ, lifespan
from streaminstr import asgi, wsgi

HEADERS = [(b"content-type", b"text/plain"), (b"x-number", b"1")]
UP, DOWN = "lifespan.startup", "lifespan.shutdown"
BOTH = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def responds(*messages):
    """An application that sends these messages, as they are."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


async def sent(*messages):
    server = ByHand()
    await server.call(asgi.StreamScopeMiddleware(responds(*messages)))
    return server.sent


def start(**more):
    return {"type": "http.response.start", "status": 200, "headers": HEADERS, **more}


def body(**more):
    return {"type": "http.response.body", "body": b"1", "more_body": True, **more}


END = {"type": "http.response.body"}


async def test_headers_that_can_be_read_once_are_read_by_the_server(recorded):
    begin, *_ = await sent(start(headers=iter(HEADERS)), body(), END)
    assert list(begin["headers"]) == HEADERS
    assert recorded.streams[0].info.attributes["streaminstr.content_type"] == "text/plain"


def test_so_they_are_under_wsgi(recorded):
    got = []

    def app(environ, start_response):
        start_response("200 OK", iter({"Content-Type": "text/plain"}.items()))
        return iter([b"1", b"2"])

    def start_response(status, headers, exc_info=None):
        got.append((type(headers) is list, list(headers)))

    result = wsgi.StreamScopeMiddleware(app)(environ(), start_response)
    assert list(result) == [b"1", b"2"]
    result.close()
    assert got == [(False, [("Content-Type", "text/plain")])]
    assert recorded.streams[0].info.attributes["streaminstr.content_type"] == "text/plain"


async def test_an_error_of_the_headers_comes_out_of_the_send(recorded):
    def fails():
        yield HEADERS[0]
        raise KeyError

    with pytest.raises(KeyError):
        await sent(start(headers=fails()))


@pytest.mark.parametrize(
    "messages",
    [
        (start(status="200"), body(), END),
        (start(status=None), body(), END),
        (start(headers=None), body(), END),
        (start(headers=[("content-type", "text")]), body(), END),
        (start(headers="nonsense"), body(), END),
        (start(), body(body=None), END),
        (start(), body(body="text"), END),
        (start(), body(body=bytearray(b"1")), END),
        (start(), body(more_body="yes"), END),
        (start(), {"type": "http.response.body", "more_body": True}, END),
        (body(), start(), END),
        (start(), start(), body(), END),
        (start(), body(), END, body(), END),
        (start(), {"type": "http.response.unheard-of"}, body(), END),
        (start(), body(), {"type": "http.response.trailers", "headers": []}, END),
        (start(), {"type": "http.response.pathsend", "path": "/dev/null"}),
    ],
)
async def test_odd_messages_pass_through(recorded, messages):
    expected = list(messages)
    assert await sent(*messages) == expected
    assert all(stream.events == ["open", "start", "close"] for stream in recorded.streams)


async def test_a_message_that_is_none_fails_as_the_server_says(recorded):
    with pytest.raises((TypeError, AttributeError)):
        await sent(None)


@pytest.mark.parametrize("status", ["nonsense", "200", "", "2OO OK"])
def test_an_odd_status_passes_through_under_wsgi(recorded, status, caplog):
    got = []

    def app(environ, start_response):
        start_response(status, [])
        return iter([b"1", b"2"])

    result = wsgi.StreamScopeMiddleware(app)(environ(), lambda *given: got.append(given[0]))
    assert list(chain(result)) == [b"1", b"2"]
    result.close()
    assert got == [status]
    assert caplog.records == []


IN_A_SUB_INTERPRETER = """
import sys
sys.path[:] = {path!r}
import streaminstr
from streaminstr import asgi, wsgi
from streaminstr.testing import RecordingBackend

backend = RecordingBackend()
streaminstr.configure(backend=backend, log_levels={{"completed": None}})

async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"1", "more_body": True}})
    await send({{"type": "http.response.body"}})

async def send(message):
    pass

coroutine = asgi.StreamScopeMiddleware(app)({{"type": "http", "path": "/"}}, None, send)
try:
    coroutine.send(None)
except StopIteration:
    pass
list(wsgi.StreamScopeMiddleware(lambda environ, start: iter([b"1"]))({{}}, None))
with open({result!r}, "w") as file:
    file.write(str([str(stream.outcome) for stream in backend.streams]))
"""
RUN_IT = """
import sys
try:
    import _interpreters as interpreters
    made = interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as interpreters
    made = interpreters.create(isolated=False)
interpreters.run_string(made, {code!r})
"""


def test_in_a_sub_interpreter_the_nets_work(tmp_path):
    """As under mod_wsgi. Signals belong to the main interpreter."""
    result = tmp_path / "result"
    code = IN_A_SUB_INTERPRETER.format(path=sys.path, result=str(result))
    command = [sys.executable, "-c", RUN_IT.format(code=code)]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 - the code above
    assert json.loads(result.read_text().replace("'", '"')) == ["completed", "completed"]


@pytest.mark.parametrize(
    ("error", "level"),
    [(KeyError("settings"), "WARNING"), (ValueError("only HTTP, not lifespan."), "INFO")],
)
async def test_what_is_raised_before_the_lifespan_is_received_is_logged(caplog, error, level):
    """It may be how the application says that it takes no part, or a mistake in its start-up."""
    caplog.set_level(logging.INFO, "streaminstr")

    async def app(scope, receive, send):
        raise error

    assert await lifespan(asgi.StreamScopeMiddleware(app), UP, DOWN) == BOTH
    (line,) = caplog.records
    assert (line.levelname, repr(error) in line.getMessage()) == (level, True)
    assert bool(line.exc_info) is (level == "WARNING")


def test_a_write_of_the_server_is_passed_to_the_application(recorded):
    written = []

    def app(environ, start_response):
        start_response("200 OK", [])(b"written")
        return []

    wsgi.StreamScopeMiddleware(app)(environ(), lambda *_: written.append)
    assert written == [b"written"]


def test_what_a_call_leaves_in_the_environ_is_gone_after_it(recorded):
    given = environ()
    result = wsgi.StreamScopeMiddleware(lambda environ, start: iter([b"1"]))(given, None)
    result.close()
    assert not [name for name in given if "streaminstr" in name]
