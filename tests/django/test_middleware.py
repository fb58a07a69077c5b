"""One scope for each streaming response, in every mix of sync and async, and none for others."""

import asyncio
from threading import get_ident

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings

from django_by_hand import Asgi, Wsgi
from django_settings import MIDDLEWARE
from django_site import AsyncBody, Body
from streaminstr._exchange import KEY, Exchange
from streaminstr.django import middleware
from streaminstr.django.middleware import StreamScopeMiddleware

SYNC_ONLY = "django_site.sync_only"
MIXES = pytest.mark.parametrize(
    "middleware", [[MIDDLEWARE], [SYNC_ONLY, MIDDLEWARE], [MIDDLEWARE, SYNC_ONLY]]
)
VIEWS = pytest.mark.parametrize("path", ["/sync/", "/async/"])
BUFFERED = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@BUFFERED
@MIXES
@VIEWS
@pytest.mark.parametrize("kind", [Body, AsyncBody])
def test_wsgi_has_one_scope_round_every_step(path, middleware, kind, answer, backend):
    body = kind(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    with override_settings(MIDDLEWARE=middleware):
        assert Wsgi(path).read() == b"ab"
    assert [(one.outcome, one.report.chunks) for one in backend.streams] == [("completed", 2)]
    assert body.seen == [(f"GET {path[1:]}", "by the view")] * 3
    assert body.closed == [(f"GET {path[1:]}", "by the view")]


@BUFFERED
@MIXES
@VIEWS
@pytest.mark.parametrize("kind", [Body, AsyncBody])
async def test_asgi_has_one_scope_round_every_step(path, middleware, kind, answer, backend):
    body = kind(b"a", b"b")
    answer(lambda: StreamingHttpResponse(body))
    with override_settings(MIDDLEWARE=middleware):
        assert (await Asgi(path).run()).body == b"ab"
    assert [(one.outcome, one.report.chunks) for one in backend.streams] == [("completed", 2)]
    assert body.seen == [(f"GET {path[1:]}", "by the view")] * 3
    assert body.closed == [(f"GET {path[1:]}", "by the view")]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "GET /"),
        ("/orders/7/", "GET orders/<int:pk>/"),
        ("/articles/2026/", "GET ^articles/(?P<year>[0-9]{4})/$"),
    ],
)
def test_the_name_is_method_and_route(path, name, answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    Client().get(path).getvalue()
    assert backend.streams[0].name == name


def test_the_attributes_hold_no_query_and_no_header(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"], status=206, content_type="text/csv; charset=x"))
    Client().get("/orders/7/?token=secret", headers={"user-agent": "me"}).getvalue()
    assert backend.streams[0].info.attributes == {
        "http.request.method": "GET",
        "http.route": "orders/<int:pk>/",
        "http.response.status_code": 206,
        "url.path": "/orders/7/",
        "streaminstr.content_type": "text/csv",
    }


def test_a_method_of_the_clients_own_making_names_nothing(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    Wsgi(REQUEST_METHOD="BREW").read()
    assert backend.streams[0].name == "HTTP sync/"
    assert backend.streams[0].info.attributes["http.request.method"] == "_OTHER"


def test_a_response_that_no_route_led_to_is_named_by_its_method(answer, backend):
    def short_circuit(get_response):
        return lambda request: StreamingHttpResponse([b"a"])

    request = type("Request", (), {"method": "GET", "path": "/x", "META": {}})()
    response = StreamScopeMiddleware(short_circuit(None))(request)
    assert b"".join(response) == b"a"
    response.close()
    assert backend.streams[0].name == "GET"
    assert "http.route" not in backend.streams[0].info.attributes


async def test_what_does_not_stream_has_no_scope(answer, backend):
    answer(lambda: HttpResponse(b"whole"))
    assert Client().get("/sync/").content == b"whole"
    assert (await AsyncClient().get("/async/")).content == b"whole"
    assert backend.streams == []


async def test_the_first_chunk_is_timed_from_the_request_too(answer, backend):
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    await Asgi().run()
    answer(lambda: StreamingHttpResponse(Body(b"a")))
    Wsgi().read()
    for report in (backend.streams[0].report, backend.streams[1].report):
        assert report.request_time_to_first_chunk >= report.time_to_first_chunk


async def test_under_asgi_the_middleware_takes_the_response_to_no_other_thread(answer, backend):
    threads = []
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    setting = {"BACKEND": backend, "FILTER": lambda *_: threads.append(get_ident())}
    with override_settings(STREAMINSTR=setting):
        await Asgi().run()
    assert threads == [get_ident()]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_turned_off_the_middleware_is_not_used_at_all(mode):
    with override_settings(STREAMINSTR={"BACKEND": None}), pytest.raises(MiddlewareNotUsed):
        StreamScopeMiddleware(lambda request: None)


def test_turned_off_later_a_response_is_left_as_it_is(answer, backend):
    body = Body(b"a")
    response = StreamingHttpResponse(body)
    answer(lambda: response)
    client = Client()
    client.get("/sync/").close()
    with override_settings(STREAMINSTR={"BACKEND": None}):
        response = StreamingHttpResponse(body)
        client.get("/sync/")
        assert type(response._resource_closers[0].__self__) is Body
    response.close()


async def test_middleware_in_async_mode_is_a_coroutine_function():
    async def get_response(request):
        return HttpResponse()

    middleware = StreamScopeMiddleware(get_response)
    assert asyncio.iscoroutine(given := middleware(None))
    assert (await given).status_code == 200
    assert ASGIHandler()._middleware_chain is not None


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "utf-16", "shift_jis"])
def test_text_is_counted_as_it_is_sent(charset, answer, backend):
    answer(lambda: StreamingHttpResponse(["é", b"xy", memoryview(b"z")], charset=charset))
    if charset == "shift_jis":
        answer(lambda: StreamingHttpResponse(["本", b"xy", memoryview(b"z")], charset=charset))
    assert len(Wsgi().read()) == backend.streams[0].report.bytes


def test_text_that_its_charset_lacks_fails_as_django_fails(answer, backend, errors):
    answer(lambda: StreamingHttpResponse(["本"], charset="latin-1"))
    with pytest.raises(UnicodeEncodeError):
        Wsgi().read()
    assert backend.streams[0].outcome == "cancelled"
    assert errors == {}


def test_a_chunk_that_is_neither_text_nor_bytes_is_not_asked_for_its_text_twice(answer, backend):
    class Counting:
        asked = 0

        def __str__(self):
            self.asked += 1
            return f"asked {self.asked}"

    answer(lambda: StreamingHttpResponse([Counting()]))
    assert Wsgi().read() == b"asked 1"
    assert backend.streams[0].report.chunks == 1


def test_a_charset_that_does_not_exist_fails_as_django_fails(answer, backend):
    answer(lambda: StreamingHttpResponse(["é"], charset="klingon"))
    with pytest.raises(LookupError):
        Wsgi().read()
    assert backend.streams[0].outcome == "cancelled"


async def test_where_logs_are_bound_to_a_thread_the_body_is_captured_in_that_thread(
    answer, backend, monkeypatch
):
    threads = []
    monkeypatch.setattr(middleware, "is_thread_local", lambda: True)
    monkeypatch.setattr(middleware, "instrument", lambda *_, **__: threads.append(get_ident()))
    answer(lambda: StreamingHttpResponse(AsyncBody(b"a")))
    assert (await Asgi().run()).body == b"a"
    assert threads != [get_ident()]


def test_an_outermost_net_leaves_every_response_to_the_middleware(backend):
    exchange = Exchange()
    inner = StreamScopeMiddleware(lambda request: HttpResponse(b"whole"))
    exchange.context().run(inner, RequestFactory().get("/", **{KEY: exchange}))
    assert exchange.is_taken
