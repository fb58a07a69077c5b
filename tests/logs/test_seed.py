"""The seed article's last example, with its hand-written span and logger replaced by ours."""

import asyncio

import pytest

import log_site
from log_lines import in_mode, line, lines

pytestmark = pytest.mark.filterwarnings("ignore:`structlog.threadlocal` is dep:DeprecationWarning")

MODES = {
    "contextvars": (log_site.DJANGO_STRUCTLOG, "global"),
    "wrap_dict": (log_site.TMP_BIND, "global"),
    "bind_threadlocal": (log_site.BIND_THREADLOCAL, "global"),
    "immutable": (log_site.PASSED, "own"),
}
"""The team's middleware, and whose logger the body uses."""


@pytest.fixture(params=["wsgi", "asgi"])
def get(request):
    """Gets a URL from Django, by either protocol."""
    if request.param == "wsgi":
        return log_site.by_wsgi
    return lambda url, **headers: asyncio.run(log_site.by_asgi(url, **headers))


@pytest.fixture(params=list(MODES))
def chunks(request, get, vendor):
    """The seed's example in one mode on one vendor under one protocol."""
    middleware, own = MODES[request.param]
    in_mode(request.param)
    backend, _ = vendor
    with log_site.site([middleware], BACKEND=backend):
        return get(f"/stuff/{own}/", **{"x-request-id": "seed-1"})


def test_the_client_gets_what_the_body_yields(chunks):
    assert chunks == [b"0", b"1", b"2"]


def test_each_line_of_the_body_has_the_request_and_the_span_and_its_own(chunks, vendor):
    _, finished = vendor
    (ids,) = finished()
    expected = {"request_id": "seed-1", "foo": "bar", **ids}
    found = lines("Yielding...")
    assert [each | expected for each in found] == found != []


def test_the_closing_event_has_them_too(chunks, vendor):
    _, finished = vendor
    (ids,) = finished()
    expected = {
        **ids,
        "request_id": "seed-1",
        "stream": "my_streaming_thing.stream_stuff",
        "streaminstr.outcome": "completed",
        "streaminstr.chunks": 3,
        "http.route": "stuff/<own>/",
    }
    assert expected.items() <= line("stream_closed").items()


def test_no_line_of_the_server_has_any_of_it(chunks):
    found = [each.keys() - {"log_level"} for each in lines("between") + lines("afterwards")]
    assert found == [{"event"}] * 4
