"""A response is, byte for byte and call for call, what it is without the middleware."""

import asyncio
import gc
import gzip
from weakref import ref
from wsgiref.validate import validator

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from django_site import Answer, AsyncBody, Body
from streaminstr._core.async_stream import AsyncStream
from streaminstr._core.stream import Stream
from streaminstr.django.signals import bind_extra_stream_metadata

GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
PLAIN = pytest.mark.parametrize("ours", [[MIDDLEWARE], []], ids=["ours", "plain"])
BUFFERED = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")

CHUNKS = st.lists(
    st.one_of(
        st.binary(max_size=9),
        st.text(st.characters(codec="latin-1"), max_size=9),
        st.binary(max_size=9).map(memoryview),
        st.integers(),
    ),
    max_size=6,
)


def listed(*middleware):
    return override_settings(MIDDLEWARE=[*middleware, MIDDLEWARE])


@BUFFERED
@given(CHUNKS, st.sampled_from(["utf-8", "latin-1", "utf-16"]), st.sampled_from([Body, AsyncBody]))
def test_a_body_gives_the_same_bytes_with_and_without_us(chunks, charset, kind):
    def through(middleware):
        async def asgi():
            request = await Asgi("/sync/").run()
            return [message for message in request.sent if message.get("body") != b""]

        with pytest.MonkeyPatch.context() as patch, override_settings(MIDDLEWARE=middleware):
            make = staticmethod(lambda _: StreamingHttpResponse(kind(*chunks), charset=charset))
            patch.setattr(Answer, "make", make)
            wsgi = Wsgi()
            return wsgi.status, wsgi.headers, list(wsgi.body), wsgi.close(), asyncio.run(asgi())

    assert through([MIDDLEWARE]) == through([])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("status", [200, 204, 304, 500])
async def test_status_and_headers_are_untouched(method, status, answer, finished):
    answer(lambda: StreamingHttpResponse([b"a"], status=status, headers={"X-Mine": "yes"}))

    def wsgi():
        request = Wsgi(REQUEST_METHOD=method)
        request.read()
        return request.status, request.headers

    ours = wsgi(), (await Asgi("/sync/", method=method).run()).sent[0]
    with override_settings(MIDDLEWARE=[]):
        assert ours == (wsgi(), (await Asgi("/sync/", method=method).run()).sent[0])
    assert len(finished) == 4


@pytest.fixture(autouse=True)
def _buffered(recwarn):
    """Django warns where it has to read the whole body at once: in many of these tests."""
    yield
    assert {str(warning.message)[:34] for warning in recwarn.list} <= {
        "StreamingHttpResponse must consume"
    }


def test_a_head_that_nobody_reads_leaves_nothing_open(answer, backend):
    body = Body(b"a")
    answer(lambda: StreamingHttpResponse(body))
    request = Wsgi(REQUEST_METHOD="HEAD")
    request.close()
    assert backend.started == []
    assert len(body.closed) == 1


def test_a_response_that_an_outer_middleware_drops_leaves_nothing_open(answer, backend, outer):
    answer(lambda: StreamingHttpResponse(Body(b"a")))
    with outer(lambda response: HttpResponse(b"instead")):
        assert Wsgi().read() == b"instead"
    assert backend.started == []


def test_not_modified_leaves_nothing_open(answer, backend):
    answer(lambda: StreamingHttpResponse(Body(b"a"), headers={"ETag": '"x"'}))
    with listed(CONDITIONAL):
        response = Client().get("/sync/", headers={"if-none-match": '"x"'})
    assert isinstance(response, HttpResponseNotModified)
    assert backend.started == []


@pytest.mark.parametrize("kind", [Body, AsyncBody])
async def test_gzip_outside_compresses_what_is_counted_before(kind, answer, backend):
    answer(lambda: StreamingHttpResponse(kind(b"a" * 500, b"b" * 500)))
    with listed(GZIP):
        headers = {"accept-encoding": "gzip"}
        response = await AsyncClient().get("/async/", headers=headers)
        chunks = response.streaming_content
        zipped = b"".join([chunk async for chunk in chunks] if response.is_async else chunks)
    await asyncio.to_thread(response.close)
    assert gzip.decompress(zipped) == b"a" * 500 + b"b" * 500
    assert [one.report.bytes for one in backend.closed] == [1000]


def test_the_test_client_sees_an_ordinary_response(answer, backend, finished):
    answer(lambda: StreamingHttpResponse(Body(b"a", b"b")))
    response = Client().get("/sync/")
    assert response.streaming
    assert response.getvalue() == b"ab"
    assert [one.outcome for one in backend.closed] == ["completed"]


def test_closing_twice_cleans_up_once(answer, backend):
    body = Body(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    request = Wsgi()
    assert next(iter(request.body)) == b"a"
    request.close()
    request.close()
    assert [one.outcome for one in backend.closed] == ["cancelled"]
    assert len(body.closed) == 1


@PLAIN
async def test_request_finished_is_sent_as_often_as_without_us(ours, answer, finished):
    answer(lambda: StreamingHttpResponse(Body(b"a", b"b")))
    with override_settings(MIDDLEWARE=ours):
        Wsgi().read()
        assert len(finished) == 1
        partly = Wsgi()
        next(iter(partly.body))
        partly.close()
        assert len(finished) == 2
        await Asgi("/sync/").run()
        assert len(finished) == 3


@PLAIN
async def test_after_an_exception_django_closes_what_it_closes_without_us(ours, answer, finished):
    bodies = []

    def broken():
        bodies.append(kind(b"a", error=KeyError("mine")))
        return StreamingHttpResponse(bodies[-1])

    answer(broken)
    with override_settings(MIDDLEWARE=ours):
        kind = Body
        with pytest.raises(KeyError, match="mine"):
            Wsgi().read()
        kind = AsyncBody
        with pytest.raises(KeyError, match="mine"):
            await Asgi().run()
    assert (len(finished), [len(body.closed) for body in bodies]) == (1, [1, 0])


@PLAIN
def test_the_server_finds_the_rules_of_wsgi_kept(ours, answer):
    answer(lambda: StreamingHttpResponse(Body(b"a", b"b"), content_type="text/plain"))
    with override_settings(MIDDLEWARE=ours):
        request = Wsgi(
            app=validator(WSGIHandler()), REQUEST_METHOD="GET", QUERY_STRING="", SCRIPT_NAME=""
        )
        assert request.read() == b"ab"


def test_wrapped_again_outside_the_scope_is_the_inner_bodys(answer, backend, outer):
    def shout(response):
        response.streaming_content = (chunk.upper() for chunk in response.streaming_content)
        return response

    body = Body(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    with outer(shout):
        assert Wsgi().read() == b"AB"
    assert [(one.outcome, one.report.bytes) for one in backend.closed] == [("completed", 2)]
    assert body.closed == [("GET sync/", "by the view")]


def test_wrapped_before_us_the_scope_is_the_outer_bodys(answer, backend):
    def view():
        response = StreamingHttpResponse(Body(b"a"))
        response.streaming_content = (b"<%s>" % chunk for chunk in response.streaming_content)
        return response

    answer(view)
    assert Wsgi().read() == b"<a>"
    assert [one.report.bytes for one in backend.closed] == [3]


def test_a_body_that_is_thrown_away_outside_has_no_scope(answer, backend, outer):
    def replace(response):
        response.streaming_content = [b"other"]
        return response

    body = Body(b"a")
    answer(lambda: StreamingHttpResponse(body))
    with outer(replace):
        assert Wsgi().read() == b"other"
    assert backend.started == []
    assert len(body.closed) == 1


def test_a_subclass_of_the_response_stays_what_it_is(answer, backend):
    class Shouting(StreamingHttpResponse):
        def make_bytes(self, value):
            return super().make_bytes(value).upper()

        def close(self):
            self.was_closed = True
            super().close()

    response = Shouting(Body(b"a"))
    answer(lambda: response)
    assert Wsgi().read() == b"A"
    assert response.was_closed
    assert [one.outcome for one in backend.closed] == ["completed"]


def test_an_async_body_whose_iter_raises_stays_an_async_body(answer, backend):
    class Refusing(AsyncBody):
        def __iter__(self):
            msg = "use async for"
            raise TypeError(msg)

    response = StreamingHttpResponse(Refusing(b"a"))
    answer(lambda: response)
    assert Wsgi().read() == b"a"
    assert response.is_async
    assert [one.outcome for one in backend.closed] == ["completed"]


@pytest.mark.parametrize(("body", "kind"), [(Body, Stream), (AsyncBody, AsyncStream)])
def test_a_response_and_its_stream_go_with_their_last_reference(body, kind, answer):
    """No cycle: a stream that is dropped ends there and then, and not when the collector runs."""
    answer(lambda: StreamingHttpResponse(body(b"a")))
    response = Wsgi().body
    assert type(response._iterator) is kind
    gone = ref(response), ref(response._iterator)
    gc.disable()
    try:
        del response
        assert [one() for one in gone] == [None, None]
    finally:
        gc.enable()


def test_a_started_response_that_is_dropped_is_abandoned(answer, backend):
    answer(lambda: StreamingHttpResponse(Body(b"a", b"b")))
    requests = [Wsgi()]
    next(iter(requests[0].body))
    with pytest.warns(ResourceWarning, match="was dropped"):
        requests.clear()
    assert [one.outcome for one in backend.closed] == ["abandoned"]


@pytest.fixture
def receivers():
    """Receivers of our signal, for this test."""
    connected = []

    def connect(receiver):
        connected.append(receiver)
        bind_extra_stream_metadata.connect(receiver)

    yield connect
    for receiver in connected:
        bind_extra_stream_metadata.disconnect(receiver)


def test_signal_receivers_may_name_fields_and_may_fail(answer, backend, receivers):
    def receive(*, request, response, stream, **kwargs):
        stream.set_attribute("tenant", request.META.get("HTTP_X_TENANT", "none"))

    def fail(**kwargs):
        raise ValueError

    answer(lambda: StreamingHttpResponse([b"a"]))
    receivers(fail)
    receivers(receive)
    Client().get("/sync/", headers={"x-tenant": "north"}).getvalue()
    assert backend.streams[0].report.as_attributes()["tenant"] == "north"


async def test_a_receiver_that_nobody_can_await_costs_its_fields_alone(
    answer, backend, errors, receivers
):
    async def receive(**kwargs):
        """Is never called."""

    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    receivers(receive)
    assert (await Asgi().run()).body == b"a"
    assert [stream.outcome for stream in backend.closed] == ["completed"]
    assert sum(errors.values()) == 1
