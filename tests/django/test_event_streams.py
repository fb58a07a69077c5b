"""A response of text/event-stream is counted in events; a response may have an end marker."""

import pytest
from django.http import StreamingHttpResponse
from django.test import override_settings
from structlog.testing import capture_logs

import streaminstr
from django_by_hand import Asgi, Wsgi
from streaminstr import StreaminstrError
from streaminstr.django import conf
from streaminstr.django.decorators import stream_scope

DONE = b"data: [DONE]\n\n"
EVENTS = (b": ping\n\n", b"data: 1\n\n", b"data: 2\n\n")


def event_stream(chunks, content_type="text/event-stream"):
    return StreamingHttpResponse(iter(chunks), content_type=content_type)


async def later(chunks):
    for chunk in chunks:
        yield chunk


def report(backend):
    (closed,) = backend.closed
    return closed.report


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "text/event-stream; charset=utf-8", "Text/Event-Stream"]
)
def test_an_event_stream_is_known_by_its_media_type(answer, backend, content_type):
    answer(lambda: event_stream(EVENTS, content_type))
    assert Wsgi().read() == b"".join(EVENTS)
    assert (report(backend).events, report(backend).pings, report(backend).chunks) == (2, 1, 3)


async def test_under_asgi_too(answer, backend):
    answer(lambda: StreamingHttpResponse(later(EVENTS), content_type="text/event-stream"))
    assert (await Asgi().run()).body == b"".join(EVENTS)
    assert (report(backend).events, report(backend).pings) == (2, 1)


def test_other_responses_have_no_events(answer, backend):
    answer(lambda: event_stream(EVENTS, "text/csv"))
    Wsgi().read()
    assert report(backend).events is None


def test_a_stream_of_the_views_own_that_is_adopted_is_counted_too(answer, backend):
    answer(lambda: event_stream(()) and _own())
    assert Wsgi().read() == b"".join(EVENTS)
    assert report(backend).events == 2


def _own():
    made = streaminstr.stream(list(EVENTS), name="own")
    return StreamingHttpResponse(made, content_type="text/event-stream")


@pytest.mark.parametrize(("chunks", "error_type"), [(EVENTS, "truncated"), ([*EVENTS, DONE], None)])
def test_the_decorator_takes_an_end_marker(answer, backend, chunks, error_type):
    answer(stream_scope(ends_with=DONE)(lambda request=None: event_stream(chunks)))
    Wsgi().read()
    assert report(backend).error_type == error_type


def test_the_decorator_refuses_what_is_no_marker():
    with pytest.raises(TypeError, match="ends_with is 4"):
        stream_scope(ends_with=4)


@pytest.mark.parametrize(("chunks", "error_type"), [(EVENTS, "truncated"), ([*EVENTS, DONE], None)])
def test_the_settings_take_end_markers_by_route(chunks, error_type, answer, backend):
    marked = {"BACKEND": backend, "ENDS_WITH": {"sync/": DONE}}
    answer(lambda: event_stream(chunks))
    with override_settings(STREAMINSTR=marked):
        Wsgi().read()
    assert report(backend).error_type == error_type


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "It takes a dict of routes to end markers"),
        ({4: "x"}, "It takes a dict of routes to end markers"),
        ({"chat/": 4}, "ends_with is 4. Write the last bytes of a complete body"),
    ],
)
def test_what_is_no_dict_of_markers_is_refused(value, said):
    with pytest.raises(StreaminstrError, match=r'STREAMINSTR\["ENDS_WITH"\]') as caught:
        conf.check_options({"ENDS_WITH": value})
    assert said in str(caught.value)


@pytest.mark.parametrize("make", [lambda: event_stream(EVENTS), lambda: _own()])
def test_a_request_with_last_event_id_resumes_a_stream(make, answer, backend):
    answer(make)
    Wsgi(HTTP_LAST_EVENT_ID="7").read()
    assert report(backend).resumed is True
    assert report(backend).as_attributes()["streaminstr.resumed"] is True


def test_other_requests_do_not(answer, backend):
    answer(lambda: event_stream(EVENTS))
    Wsgi().read()
    assert report(backend).resumed is None


async def test_under_asgi_it_resumes_one_too(answer, backend):
    answer(lambda: StreamingHttpResponse(later(EVENTS), content_type="text/event-stream"))
    request = Asgi()
    request.scope["headers"].append((b"last-event-id", b"7"))
    await request.run()
    assert report(backend).resumed is True


def test_the_event_at_the_start_says_it_too(answer):
    answer(lambda: event_stream(EVENTS))
    opened = {"BACKEND": "log", "LOG_LEVELS": {"opened": "info"}}
    with override_settings(STREAMINSTR=opened), capture_logs() as lines:
        Wsgi(HTTP_LAST_EVENT_ID="7").read()
    events = {line["event"]: line for line in lines}
    assert events["stream_opened"]["streaminstr.resumed"] is True
    assert events["stream_opened"]["http.route"] == "sync/"
    (one,) = {line["streaminstr.stream_id"] for line in lines}
    assert len(one) == 16
