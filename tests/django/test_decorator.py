"""@stream_scope on every kind of view."""

import functools

import django
import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.utils.decorators import method_decorator
from django.views import View

from django_by_hand import Wsgi
from django_site import Answer
from streaminstr import StreaminstrError
from streaminstr._exchange import KEY, Exchange
from streaminstr.django.decorators import stream_scope
from streaminstr.django.middleware import StreamScopeMiddleware

named = stream_scope("orders.export", attributes={"shop": "north"})
AFTER_5_2 = pytest.mark.skipif(
    django.VERSION < (6,), reason="there, method_decorator makes an async method a plain one"
)


def streaming(*_):
    return StreamingHttpResponse([b"a"])


async def streaming_async(*_):
    return StreamingHttpResponse([b"a"])


@method_decorator(named, name="dispatch")
class OnDispatch(View):
    get = streaming


@method_decorator(named, name="dispatch")
class OnAsyncDispatch(View):
    get = streaming_async


class OnGet(View):
    get = method_decorator(named)(streaming)


class OnAsyncGet(View):
    get = method_decorator(named)(streaming_async)


class OnMethod(View):
    @named
    def get(self, request):
        return streaming()


def drf_views():
    rest = pytest.importorskip("rest_framework.decorators")
    views = pytest.importorskip("rest_framework.views")

    class OnAPIView(views.APIView):
        get = named(streaming)

    yield named(rest.api_view()(streaming))
    yield rest.api_view()(named(streaming))
    yield OnAPIView.as_view()
    yield named(OnAPIView.as_view())


def check(backend, response):
    """The response has the one scope that the decorator describes."""
    assert b"".join(response) == b"a"
    response.close()
    assert [one.name for one in backend.closed] == ["orders.export"]
    assert backend.streams[0].info.attributes["shop"] == "north"
    assert backend.streams[0].info.attributes["http.request.method"] == "GET"
    assert backend.streams[0].report.request_time_to_first_chunk is not None


@pytest.mark.parametrize(
    "view",
    [
        named(streaming),
        OnDispatch.as_view(),
        OnGet.as_view(),
        OnMethod.as_view(),
        named(OnMethod.as_view()),
    ],
)
@pytest.mark.parametrize("wrap", [lambda view: view, StreamScopeMiddleware])
def test_a_view_has_the_scope_that_its_decorator_says(view, wrap, backend):
    check(backend, wrap(view)(RequestFactory().get("/")))


@pytest.mark.parametrize("number", range(4))
def test_so_has_a_view_of_django_rest_framework(number, backend):
    view = list(drf_views())[number]
    check(backend, StreamScopeMiddleware(view)(RequestFactory().get("/")))


@pytest.mark.parametrize(
    "view",
    [
        named(streaming_async),
        OnAsyncDispatch.as_view(),
        named(OnAsyncDispatch.as_view()),
        pytest.param(OnAsyncGet.as_view(), marks=AFTER_5_2),
    ],
)
async def test_so_has_an_async_view(view, backend):
    assert iscoroutinefunction(view)
    check(backend, await StreamScopeMiddleware(view)(AsyncRequestFactory().get("/")))


async def test_left_out_a_view_has_no_scope(backend):
    off = stream_scope(enabled=False)
    sync = StreamScopeMiddleware(off(streaming))(RequestFactory().get("/"))
    later = await StreamScopeMiddleware(off(streaming_async))(AsyncRequestFactory().get("/"))
    assert b"".join(sync) == b"".join(later) == b"a"
    assert backend.streams == []


@pytest.mark.parametrize("view", [stream_scope(enabled=False)(streaming), named(streaming)])
def test_the_outermost_net_leaves_to_the_decorator_what_it_has_decided(view, backend):
    exchange = Exchange()
    response = exchange.context().run(view, RequestFactory().get("/", **{KEY: exchange}))
    assert exchange.is_taken
    response.close()


@pytest.mark.parametrize("given", [None, HttpResponse(b"whole")])
@pytest.mark.parametrize("enabled", [True, False])
def test_what_does_not_stream_goes_through_as_it_is(given, enabled, backend):
    view = stream_scope(enabled=enabled)(lambda request: given)
    before = {} if given is None else dict(vars(given))
    assert view(RequestFactory().get("/")) is given
    assert given is None or vars(given) == before


def test_a_callable_that_is_given_no_request_is_no_view(backend):
    assert b"".join(named(streaming)()) == b"a"
    assert backend.streams == []


def test_a_filter_overrules_the_decorator_and_is_asked_once(backend):
    asked = []

    def nothing(request, response):
        asked.append(request)
        return False

    with override_settings(STREAMINSTR={"BACKEND": backend, "FILTER": nothing}):
        view = StreamScopeMiddleware(named(streaming))
        assert b"".join(view(RequestFactory().get("/"))) == b"a"
    assert len(asked) == 1
    assert backend.streams == []


def test_a_view_that_raises_goes_on_raising(backend):
    @named
    def broken(request):
        raise KeyError

    with pytest.raises(KeyError):
        broken(RequestFactory().get("/"))


def test_without_brackets_it_says_how_to_write_it():
    with pytest.raises(StreaminstrError, match=r"@stream_scope\(\)"):
        stream_scope(streaming)


def test_a_stream_has_the_routes_name_where_the_decorator_gives_none(monkeypatch, backend):
    view = stream_scope(attributes={"shop": "south"})(streaming)
    monkeypatch.setattr(Answer, "make", staticmethod(view))
    Wsgi("/orders/7/").read()
    assert backend.streams[0].name == "GET orders/<int:pk>/"
    assert backend.streams[0].info.attributes["shop"] == "south"


def rows(request):
    yield b"row"


async def async_rows(request):
    yield b"row"


@pytest.mark.parametrize("function", [rows, async_rows, functools.partial(rows)])
@pytest.mark.parametrize("options", [{"name": "orders.rows"}, {"enabled": False}])
def test_a_generator_function_is_refused_with_what_to_write_instead(function, options):
    """Decorated, django-ninja took an async one for a sync view: status 200 and no body."""
    with pytest.raises(StreaminstrError, match="is a generator function") as refused:
        stream_scope(**options)(function)
    for way in ("current_stream().set_attribute(", "FILTER", "StreamingHttpResponse(", "streamed("):
        assert way in str(refused.value)


def test_a_generator_method_is_refused_with_its_first_request():
    """`method_decorator` decorates afresh for each request."""

    class Rows(View):
        @method_decorator(named)
        def get(self, request):
            yield b"row"

    with pytest.raises(StreaminstrError, match="is a generator function"):
        Rows.as_view()(RequestFactory().get("/"))


def test_what_turns_a_generator_function_into_a_view_is_a_view(backend):
    @named
    @functools.wraps(rows)
    def view(request):
        return StreamingHttpResponse(rows(request))

    assert b"".join(view(RequestFactory().get("/"))) == b"row"
    assert [one.name for one in backend.streams] == ["orders.export"]
