"""What an application says of all its streams, to `instrument`, and of those of one endpoint."""

import functools
import logging

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

import streaminstr
from starlette_by_hand import visit
from streaminstr import StreaminstrError, current_stream
from streaminstr.asgi import StreamScopeMiddleware
from streaminstr.starlette import instrument, stream_scope
from yielding_by_hand import YieldingRoute

PATH = "/numbers/{kind}"
DONE = b"data: [DONE]\n\n"


async def numbers():
    yield b"1"
    yield DONE


def page(body=numbers):
    async def endpoint(request):
        return StreamingResponse(body())

    return endpoint


def serving(endpoint, *, route=Route, **options):
    app = Starlette(routes=[route(PATH, endpoint)])
    instrument(app, **options)
    return app


def seen(backend):
    return [(stream.name, stream.outcome) for stream in backend.started]


def mine(endpoint):
    return stream_scope("mine", attributes={"llm.model": "small"})(endpoint)


async def test_an_endpoint_names_its_streams_and_adds_attributes(backend):
    await visit(serving(mine(page())))
    (stream,) = backend.started
    assert (stream.name, stream.outcome) == ("mine", "completed")
    assert stream.info.attributes["llm.model"] == "small"
    assert stream.info.attributes["http.route"] == PATH


class Page(HTTPEndpoint):
    @stream_scope("mine")
    async def get(self, request):
        return StreamingResponse(numbers())


def wrapped(endpoint):
    @functools.wraps(endpoint)
    async def call(request):
        return await endpoint(request)

    return call


@pytest.mark.parametrize(
    "endpoint",
    [Page, stream_scope("mine")(type("Other", (Page,), {})), wrapped(mine(page()))],
    ids=["method", "class", "decorated"],
)
async def test_so_does_a_class_its_method_and_what_another_decorator_wraps(backend, endpoint):
    await visit(serving(endpoint))
    assert seen(backend) == [("mine", "completed")]


async def test_the_endpoint_is_returned_as_it_is():
    endpoint = page()
    assert stream_scope("mine")(endpoint) is endpoint


async def test_an_endpoint_that_yields_events_has_them_too(backend):
    async def items():
        yield 1

    route = functools.partial(EndpointRoute, told=mine(items))
    assert (await visit(serving(items, route=route))).chunks == [b"data: 1\n\n"]
    (stream,) = backend.started
    assert (stream.name, stream.info.attributes["llm.model"]) == ("mine", "small")


class EndpointRoute(YieldingRoute):
    """It leaves in the scope the endpoint that was given to it, as FastAPI's does."""

    def __init__(self, path, endpoint, told):
        super().__init__(path, endpoint)
        self.endpoint = told


@pytest.mark.parametrize("net", [lambda app: app, StreamScopeMiddleware], ids=["alone", "net"])
async def test_an_endpoint_is_left_out_by_the_nets_as_well(backend, net):
    out = stream_scope(enabled=False)
    assert (await visit(net(serving(out(page()))))).chunks == [b"1", DONE]
    assert backend.streams == []


@pytest.mark.parametrize("by_filter", [True, False], ids=["filter", "endpoint"])
async def test_so_is_one_that_yields_events(backend, by_filter):
    async def items():
        yield 2 if current_stream() else 1

    endpoint = stream_scope(enabled=by_filter)(items)
    route = functools.partial(EndpointRoute, told=endpoint)
    app = serving(items, route=route, filter=lambda request, response: not by_filter)
    assert (await visit(app)).chunks == [b"data: 1\n\n"]
    assert backend.streams == []


async def test_a_stream_of_the_applications_own_stays_where_its_endpoint_is_left_out(backend):
    body = functools.partial(streaminstr.stream, numbers(), name="own")
    await visit(serving(stream_scope(enabled=False)(page(body))))
    assert seen(backend) == [("own", "completed")]


async def test_its_name_stands_before_that_of_the_endpoint(backend):
    body = functools.partial(streaminstr.stream, numbers(), name="own")
    await visit(serving(mine(page(body))))
    assert seen(backend) == [("own", "completed")]
    assert backend.started[0].info.attributes["llm.model"] == "small"


async def test_a_filter_sees_the_request_and_the_response(backend):
    asked = []

    def wanted(request, response):
        asked.append((request.url.path, request.path_params, response.media_type))
        return request.path_params["kind"] == "even"

    app = serving(page(), filter=wanted)
    for kind in ("odd", "even"):
        assert (await visit(app, f"/numbers/{kind}")).chunks == [b"1", DONE]
    assert asked == [(f"/numbers/{kind}", {"kind": kind}, None) for kind in ("odd", "even")]
    assert [stream.info.attributes["url.path"] for stream in backend.started] == ["/numbers/even"]


async def test_for_an_endpoint_that_yields_events_a_response_stands_in(backend):
    asked = []

    async def items():
        yield 1

    def wanted(request, response):
        asked.append((type(response), response.status_code, response.headers["content-type"]))
        return True

    await visit(serving(items, route=YieldingRoute, filter=wanted))
    assert asked == [(StreamingResponse, 200, "text/event-stream; charset=utf-8")]
    assert seen(backend) == [(f"GET {PATH}", "completed")]


async def test_a_filter_that_raises_leaves_nothing_out(backend, errors, caplog):
    caplog.set_level(logging.CRITICAL)
    await visit(serving(page(), filter=lambda request, response: request.nowhere))
    assert seen(backend) == [(f"GET {PATH}", "completed")]
    assert sum(errors.values()) == 1
    errors.clear()


@pytest.mark.parametrize(
    ("marker", "outcome"), [(DONE, "completed"), (b"event: end\n\n", "failed")], ids=["it", "other"]
)
async def test_a_body_without_the_end_marker_has_failed(backend, marker, outcome):
    by_route = serving(page(), ends_with={PATH: marker, "/other": b"x"})
    by_endpoint = serving(stream_scope(ends_with=marker)(page()), ends_with={PATH: b"x"})
    for app in (by_route, by_endpoint):
        await visit(app)
    assert [stream.outcome for stream in backend.started] == [outcome] * 2


class Item:
    data = comment = None

    def __init__(self, raw_data):
        self.raw_data = raw_data


@pytest.mark.parametrize(("last", "outcome"), [("[DONE]", "completed"), ("more", "failed")])
async def test_the_last_event_of_a_generator_is_looked_at_where_it_is_raw(backend, last, outcome):
    async def items():
        yield Item("1")
        yield Item(last)

    await visit(serving(items, route=YieldingRoute, ends_with={PATH: DONE}))
    assert [stream.outcome for stream in backend.started] == [outcome]


async def test_a_mounted_application_says_it_for_itself(backend):
    inner = serving(page(), filter=lambda request, response: False)
    app = Starlette(routes=[Mount("/m", inner), Route(PATH, page())])
    instrument(app)
    for path in ("/m/numbers/odd", "/numbers/odd"):
        await visit(app, path)
    assert [stream.info.attributes["url.path"] for stream in backend.started] == ["/numbers/odd"]


@pytest.mark.parametrize("ends_with", [b"x", {PATH: 1}, {1: b"x"}, {PATH: ()}])
def test_odd_markers_are_refused_before_anything_has_changed(ends_with):
    app = Starlette()
    with pytest.raises(StreaminstrError, match="ends_with"):
        instrument(app, ends_with=ends_with)
    assert app.user_middleware == []


@pytest.mark.parametrize("marker", [1, ()])
def test_an_odd_marker_of_an_endpoint_is_refused(marker):
    with pytest.raises(TypeError, match="ends_with"):
        stream_scope(ends_with=marker)


def test_the_decorator_without_brackets_is_refused():
    with pytest.raises(StreaminstrError, match="without brackets"):
        stream_scope(page())


@pytest.mark.parametrize("chosen", ["nowhere.at_all", 1, lambda request: True])
def test_a_filter_that_cannot_be_called_is_refused(chosen):
    with pytest.raises(StreaminstrError, match="filter"):
        instrument(Starlette(), filter=chosen)
