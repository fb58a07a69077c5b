"""A stream that a view has made and answers with is the response's own: one scope, not two."""

import asyncio
import itertools
import logging

import pytest
from django.http import StreamingHttpResponse
from django.test import RequestFactory, override_settings

import streaminstr
from core_fakes import AsyncIterator
from django_by_hand import Asgi, Wsgi
from django_settings import SILENT
from django_site import Body
from streaminstr.django.decorators import stream_scope
from streaminstr.django.middleware import StreamScopeMiddleware
from streaminstr.django.signals import bind_extra_stream_metadata
from wire_memory_datadog import Datadog
from wire_memory_otel import OpenTelemetry

BUFFERED = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


def rows():
    yield b"a"
    yield b"b"


async def async_rows():
    yield b"a"
    yield b"b"


def only(backend):
    """The one stream that was recorded."""
    (stream,) = backend.streams
    return stream


@pytest.mark.parametrize("make", [rows, async_rows, lambda: Body(b"a", b"b")])
@BUFFERED
def test_under_wsgi_it_has_one_scope_with_the_requests_attributes(make, answer, backend):
    answer(lambda: StreamingHttpResponse(streaminstr.stream(make(), name="orders.export")))
    assert Wsgi("/orders/7/").read() == b"ab"
    assert (only(backend).name, only(backend).outcome) == ("orders.export", "completed")
    assert only(backend).info.attributes["http.route"] == "orders/<int:pk>/"
    assert only(backend).report.request_time_to_first_chunk is not None


@pytest.mark.parametrize("make", [rows, async_rows, lambda: AsyncIterator(b"a", b"b")])
@BUFFERED
async def test_under_asgi_it_has_one_scope_with_the_requests_attributes(make, answer, backend):
    answer(lambda: StreamingHttpResponse(streaminstr.stream(make(), name="orders.export")))
    assert (await Asgi("/async/").run()).body == b"ab"
    assert (only(backend).name, only(backend).outcome) == ("orders.export", "completed")
    assert only(backend).info.attributes["http.route"] == "async/"
    assert only(backend).report.request_time_to_first_chunk is not None


NAMES = [
    ("explicit", "decorated", "explicit"),
    (None, "decorated", "decorated"),
    (None, None, "GET sync/"),
]


@pytest.mark.parametrize("make", [streaminstr.stream, None], ids=["stream", "streamed"])
@pytest.mark.parametrize(("explicit", "decorated", "name"), NAMES)
def test_its_name_is_the_first_of_its_own_the_decorators_and_the_routes(
    make, explicit, decorated, name, answer, backend
):
    def body():
        return make(rows(), name=explicit) if make else streaminstr.streamed(explicit)(rows)()

    view = stream_scope(decorated)(lambda request: StreamingHttpResponse(body()))
    answer(view)
    Wsgi().read()
    assert only(backend).name == name


def test_where_no_route_led_to_it_its_name_is_the_functions(backend):
    view = StreamScopeMiddleware(lambda request: StreamingHttpResponse(streaminstr.stream(rows())))
    response = view(RequestFactory().get("/"))
    assert b"".join(response) == b"ab"
    response.close()
    assert only(backend).name == "rows"


def test_what_the_application_says_stands_over_what_the_request_says(answer, backend):
    said = {"http.route": "mine", "shop.rows": 2}
    decorated = stream_scope(attributes={"shop.rows": 1, "shop.kind": "csv"})
    body = lambda: streaminstr.stream(rows(), attributes=said)  # noqa: E731
    view = decorated(lambda request: StreamingHttpResponse(body()))
    answer(view)
    Wsgi().read()
    attributes = only(backend).info.attributes
    assert [attributes[name] for name in ("http.route", "shop.rows", "shop.kind")] == [
        *("mine", 2, "csv")
    ]


def test_its_id_and_its_logger_are_those_of_the_stream_that_is_sent(answer, backend, caplog):
    """Also where both were asked for before there was a response."""
    asked = []

    def body(stream):
        asked.extend([stream.id, stream.logger])
        return logged()

    def logged():
        yield b"a"
        streaminstr.current_stream().logger.warning("in the body")

    answer(lambda: StreamingHttpResponse(streaminstr.streamed(pass_stream=True)(body)()))
    with caplog.at_level(logging.WARNING), pytest.MonkeyPatch.context() as patch:
        patch.setattr("streaminstr.log.structured.installed", lambda: None)
        Wsgi().read()
    assert asked[0] == only(backend).info.stream_id
    assert [record.stream for record in caplog.records] == ["GET sync/"]


def test_a_stream_that_was_stepped_keeps_its_name_and_is_given_the_attributes(answer, backend):
    def view():
        stream = streaminstr.stream(rows())
        assert next(stream) == b"a"
        return StreamingHttpResponse(stream)

    answer(view)
    assert Wsgi().read() == b"b"
    assert only(backend).name == "rows"
    attributes = only(backend).report.as_attributes()
    assert attributes["http.route"] == "sync/"
    assert attributes["streaminstr.chunks"] == 2


def test_so_has_one_that_was_primed(answer, backend):
    answer(lambda: StreamingHttpResponse(streaminstr.stream(rows(), name="mine").prime()))
    assert Wsgi().read() == b"ab"
    assert only(backend).name == "mine"
    assert only(backend).report.as_attributes()["http.response.status_code"] == 200
    assert only(backend).report.chunks == 2


def test_attributes_that_its_body_has_set_stand(answer, backend):
    def body():
        streaminstr.current_stream().set_attribute("http.route", "mine")
        yield b"a"

    answer(lambda: StreamingHttpResponse(streaminstr.stream(body()).prime()))
    Wsgi().read()
    assert only(backend).report.as_attributes()["http.route"] == "mine"


def test_a_stream_that_has_ended_already_is_sent_as_it_is(answer, backend):
    answer(lambda: StreamingHttpResponse(streaminstr.stream([]).prime()))
    assert Wsgi().read() == b""
    assert only(backend).outcome == "completed"


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_its_text_is_counted_in_the_charset_of_the_response(charset, answer, backend):
    body = lambda: streaminstr.stream(["é", b"xy"])  # noqa: E731
    answer(lambda: StreamingHttpResponse(body(), charset=charset))
    assert len(Wsgi().read()) == only(backend).report.bytes


def test_what_django_closes_is_what_it_closes_in_plain(answer, backend):
    closed = []
    body = Body(b"a")

    def view():
        response = StreamingHttpResponse(streaminstr.stream(body, name="mine"))
        response._resource_closers.append(lambda: closed.append(list(body.closed)))
        return response

    answer(view)
    Wsgi().read()
    assert body.closed == [("mine", "by the view")]
    assert closed == [body.closed]  # after the body, once


async def test_left_halfway_it_is_cancelled_and_cleaned_up_once(answer, backend):
    cleaned = []

    async def body():
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            cleaned.append(streaminstr.current_stream().info.name)

    answer(lambda: StreamingHttpResponse(streaminstr.stream(body())))
    request = Asgi()
    request.sending = lambda message: request.left.set() if message.get("body") else None
    await request.run()
    assert cleaned == ["GET async/"]
    assert only(backend).outcome == "cancelled"


def test_receivers_of_metadata_are_given_its_handle(answer, backend):
    def receiver(stream, **kwargs):
        stream.set_attribute("shop.name", stream.info.name)

    answer(lambda: StreamingHttpResponse(streaminstr.stream(rows())))
    bind_extra_stream_metadata.connect(receiver)
    try:
        Wsgi().read()
    finally:
        bind_extra_stream_metadata.disconnect(receiver)
    assert only(backend).report.as_attributes()["shop.name"] == "GET sync/"


@pytest.mark.parametrize("order", ["inside", "outside"])
def test_the_decorator_and_the_middleware_adopt_it_once(order, backend):
    view = lambda request: StreamingHttpResponse(streaminstr.stream(rows()))  # noqa: E731
    named = stream_scope("decorated")
    if order == "inside":
        view = StreamScopeMiddleware(named(view))
    else:
        view = named(StreamScopeMiddleware(view))
    response = view(RequestFactory().get("/"))
    response.close()
    assert only(backend).name == {"inside": "decorated", "outside": "rows"}[order]


def test_left_out_a_response_leaves_the_stream_to_the_application(answer, backend):
    @stream_scope(enabled=False)
    def view(request):
        return StreamingHttpResponse(streaminstr.stream(rows()))

    answer(view)
    assert Wsgi().read() == b"ab"
    assert (only(backend).name, only(backend).info.attributes) == ("rows", {})


def test_so_does_a_filter_that_says_no(answer, backend):
    answer(lambda: StreamingHttpResponse(streaminstr.stream(rows())))
    wanted = {"BACKEND": backend, "FILTER": lambda *_: False, "LOG_LEVELS": SILENT}
    with override_settings(STREAMINSTR=wanted):
        assert Wsgi().read() == b"ab"
    assert (only(backend).name, only(backend).info.attributes) == ("rows", {})


def test_a_chain_round_a_stream_is_a_body_of_its_own_and_has_two_scopes(answer, backend, caplog):
    def view():
        stream = streaminstr.stream(rows(), name="mine")
        return StreamingHttpResponse(itertools.chain([next(stream)], stream))

    answer(view)
    with caplog.at_level(logging.INFO, "streaminstr"):
        assert Wsgi().read() == b"ab"
    assert [(one.name, one.outcome) for one in backend.streams] == [
        ("mine", "completed"),
        ("GET sync/", "completed"),
    ]
    assert "entered before" not in caplog.text  # it has a Context of its own


def test_its_context_is_that_in_which_it_was_made(answer, backend):
    """What the view has bound by then is there, whoever answers with it."""
    body = Body(b"a")
    answer(lambda: StreamingHttpResponse(streaminstr.stream(body)))
    Wsgi().read()
    assert body.seen == [("GET sync/", "by the view")] * 2


@pytest.fixture
def vendors():
    """Both vendors in memory, in force in the settings."""
    both = OpenTelemetry(), Datadog()
    wanted = {"BACKEND": [vendor.backend for vendor in both], "LOG_LEVELS": SILENT}
    with override_settings(STREAMINSTR=wanted):
        yield both
    both[1].restore()


def test_at_each_vendor_it_is_one_span_and_one_active_stream(vendors, answer):
    opentelemetry, datadog = vendors
    answer(lambda: StreamingHttpResponse(streaminstr.stream(rows(), name="orders.export")))
    request = Wsgi()
    next(iter(request.body))
    (_, points) = opentelemetry.points["streaminstr.active_streams"]
    assert [(point.value, point.attributes["http.route"]) for point in points] == [(1, "sync/")]
    request.close()
    (_, points) = opentelemetry.points["streaminstr.active_streams"]
    assert [point.value for point in points] == [0]
    assert [node.name for node in opentelemetry.nodes] == ["orders.export"]
    assert [node.name for node in datadog.nodes] == ["orders.export"]


def test_its_span_is_a_child_of_what_was_current_where_it_was_made(vendors, answer):
    opentelemetry, datadog = vendors

    def view():
        with opentelemetry.request("view"), datadog.request("view"):
            stream = streaminstr.stream(rows(), name="mine")
        return StreamingHttpResponse(stream)

    answer(view)
    Wsgi().read()
    for vendor in vendors:
        assert vendor.node("mine").parent_id == vendor.node("view").span_id


@pytest.mark.parametrize(
    ("said", "events"), [({}, 1), ({"kind": "chunks"}, None), ({"ends_with": "\n"}, None)]
)
@pytest.mark.parametrize("gap_bounds", [(), (1.0,)])
def test_the_response_says_what_its_body_is_where_the_application_does_not(
    answer, backend, said, events, gap_bounds
):
    backend.gap_bounds = gap_bounds

    def respond():
        own = streaminstr.stream([b"data: 1\n\n", b": ping\n\n"], name="own", **said)
        return StreamingHttpResponse(own, content_type="text/event-stream")

    with override_settings(STREAMINSTR={"BACKEND": backend, "LOG_LEVELS": SILENT}):
        answer(respond)
        Wsgi().read()
    assert only(backend).report.events == events
    # One gap between two chunks, and none after one event.
    assert len(only(backend).report.gaps) == int(bool(gap_bounds) and events is None)
