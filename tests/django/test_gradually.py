"""Gradually, in Django: FILTER at both levels, RATIO, the environment over the setting, PAUSED."""

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client, RequestFactory, override_settings

import streaminstr
from django_by_hand import Wsgi
from django_settings import SILENT
from streaminstr import (
    StreaminstrError,
    _configure,
    _untaken,
    close_stream,
    current_stream,
    stream,
)
from streaminstr._environment import in_environment
from streaminstr.django import conf
from streaminstr.django.checks import check_middleware, check_settings
from streaminstr.django.middleware import StreamScopeMiddleware
from streaminstr.testing import RecordingBackend


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is paused."""
    monkeypatch.setattr(_configure._state, "paused", None)


@pytest.fixture
def start(monkeypatch, backend):
    """Begin again with these settings and variables, as a process does: overridden by no one."""

    def put(setting=None, **texts):
        in_environment.cache_clear()
        for key, text in texts.items():
            monkeypatch.setenv(f"STREAMINSTR_{key}", text)
        if setting is not None:
            monkeypatch.setattr(settings, "STREAMINSTR", setting)
        monkeypatch.setattr(conf, "_overriding", 0)
        monkeypatch.setattr(conf, "_loaded", None)

    yield put
    monkeypatch.undo()
    in_environment.cache_clear()
    conf._loaded = None


def test_the_filter_of_one_backend_takes_the_request_and_the_response(answer, backend):
    some, asked = RecordingBackend(), []

    def wanted(request, response):
        asked.append((type(request).__mro__[1], type(response)))
        return "wanted" in request.GET

    answer(lambda: StreamingHttpResponse([b"a"]))
    choice = [{"BACKEND": some, "FILTER": wanted}, backend]
    with override_settings(STREAMINSTR={"BACKEND": choice, "LOG_LEVELS": SILENT}):
        Client().get("/orders/1/?wanted").getvalue()
        Client().get("/orders/2/").getvalue()
    assert [one.info.attributes["url.path"] for one in some.closed] == ["/orders/1/"]
    assert len(backend.closed) == 2
    assert asked == [(HttpRequest, StreamingHttpResponse)] * 2


def test_a_response_that_no_backend_takes_is_as_it_was(backend):
    setting = {"BACKEND": backend, "FILTER": lambda request, response: False, "LOG_LEVELS": SILENT}
    request, response = RequestFactory().get("/"), StreamingHttpResponse([b"a"])
    body = response._iterator
    with override_settings(STREAMINSTR=setting):
        StreamScopeMiddleware(lambda request: response)(request)
    assert (response._iterator, response._resource_closers) == (body, [])


def test_a_stream_that_the_view_has_made_is_not_asked_about(answer, backend):
    setting = {"BACKEND": {"BACKEND": backend, "FILTER": lambda request, response: False}}
    answer(lambda: StreamingHttpResponse(stream([b"a"])))
    with override_settings(STREAMINSTR={**setting, "LOG_LEVELS": SILENT}):
        Client().get("/orders/1/").getvalue()
    assert len(backend.closed) == 1


def test_a_ratio_of_nothing_leaves_the_others_alone(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    none = RecordingBackend()
    choice = [{"BACKEND": none, "RATIO": 0.0}, backend]
    with override_settings(STREAMINSTR={"BACKEND": choice, "LOG_LEVELS": SILENT}):
        assert Wsgi().read() == b"a"
    assert (len(none.streams), len(backend.closed)) == (0, 1)


def test_a_trace_that_no_tracer_takes_up_is_said(answer, backend, monkeypatch, caplog):
    monkeypatch.setattr(_untaken, "_state", _untaken._State())
    monkeypatch.setattr(RecordingBackend, "trace_id", lambda self: None, raising=False)
    answer(lambda: StreamingHttpResponse([b"a"]))
    Client().get("/orders/1/", headers={"traceparent": "00-1-2-01"}).getvalue()
    assert "A request has the header `traceparent`" in caplog.text


# The environment.


def test_the_environment_comes_over_the_setting(start, backend):
    start(
        {"BACKEND": "log", "LIMIT": 3, "DRAIN": {"GRACE": 5}, "PARENT": "child"},
        BACKEND="none",
        LIMIT="9",
        DRAIN='{"GRACE": 7}',
        RELEASE_CONNECTIONS="true",
        ENDS_WITH='{"chat/": "done"}',
    )
    loaded = conf.loaded()
    assert (loaded.config.backends, loaded.limit, loaded.config.drain) == ((), 9, 7)
    assert (loaded.config.parent, loaded.release_connections) == ("child", True)
    assert loaded.ends_with == {"chat/": (b"done",)}
    assert conf.loaded() is loaded


def test_override_settings_wins(start, backend):
    start({"BACKEND": "log"}, BACKEND="none", LIMIT="9")
    assert conf.loaded().limit == 9
    with override_settings(STREAMINSTR={"BACKEND": "log"}):
        assert (len(conf.loaded().config.backends), conf.loaded().limit) == (1, None)
    assert conf.loaded().limit == 9
    with override_settings(DEBUG=True):
        assert conf.loaded().limit == 9


def test_without_the_setting_the_environment_alone_counts(start, backend, monkeypatch):
    start(BACKEND="streaminstr.testing.RecordingBackend", LIMIT="9")
    monkeypatch.setattr(_configure._state, "configured", None)
    with override_settings():
        del settings.STREAMINSTR
        assert isinstance(_configure.current().backends[0], RecordingBackend)
        assert conf.loaded().limit == 9
        assert check_settings() == []


def test_without_the_setting_what_was_configured_counts_with_the_environment(
    start, backend, monkeypatch
):
    start(PARENT="link")
    monkeypatch.setattr(_configure._state, "configured", None)
    streaminstr.configure(backend)
    with override_settings():
        del settings.STREAMINSTR
        assert conf.loaded() is None
        assert _configure.current().parent == "link"
        assert backend in _configure.current().backends


@pytest.mark.parametrize(
    ("texts", "number", "message"),
    [
        ({"BACKEND": "nobody"}, "E002", "BACKEND: No backend is called 'nobody'"),
        ({"PARENT": "aunt"}, "E003", "PARENT is 'aunt'."),
        ({"LIMIT": "0"}, "E003", "LIMIT is 0."),
        ({"DRAIN": "20"}, "E003", "DRAIN is 20."),
        ({"FILTER": "shop.wanted"}, "E004", "FILTER is 'shop.wanted', which cannot be imported"),
        ({"ENDS_WITH": "[]"}, "E005", "ENDS_WITH is []."),
        ({"RELEASE_CONNECTIONS": "1"}, "E006", "RELEASE_CONNECTIONS is 1."),
    ],
)
def test_a_wrong_variable_is_checked_like_the_setting(texts, number, message, start):
    start({"BACKEND": "log", "PARENT": "child"}, **texts)
    (error,) = check_settings()
    assert error.id == f"streaminstr.{number}"
    assert error.msg.startswith(f"The environment variable STREAMINSTR_{message}")
    with pytest.raises(StreaminstrError) as caught:
        WSGIHandler()
    assert error.msg in str(caught.value)


def test_turned_off_by_a_variable_no_middleware_is_missing(start):
    start({"BACKEND": "log"}, BACKEND="none")
    with override_settings(MIDDLEWARE=[]):
        assert check_middleware() == []


# PAUSED.


def test_paused_the_middleware_is_loaded_and_opens_nothing_before_resume(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, "PAUSED": True}
    with override_settings(STREAMINSTR=setting):
        app = WSGIHandler()
        assert Wsgi(app=app).read() == b"a"
        assert backend.streams == []
        streaminstr.resume()
        assert Wsgi(app=app).read() == b"a"
    assert len(backend.closed) == 1


def test_a_paused_response_is_not_touched(backend):
    request, response = RequestFactory().get("/"), StreamingHttpResponse([b"a"])
    body = response._iterator
    streaminstr.pause()
    StreamScopeMiddleware(lambda request: response)(request)
    assert (response._iterator, response._resource_closers) == (body, [])


def test_where_the_backend_is_none_nothing_can_be_resumed(backend):
    with (
        override_settings(STREAMINSTR={"BACKEND": None}),
        pytest.raises(StreaminstrError, match="PAUSED"),
    ):
        streaminstr.resume()


@pytest.mark.parametrize("control", [{"MAX_AGE": 60}, {"MAX_STALL": 60}, {"DRAIN": {"GRACE": 20}}])
def test_what_ends_streams_can_end_them_while_paused(answer, backend, control):
    """Without a scope, and by the same means: what is no stream could not be ended."""

    def body():
        yield b"one"
        close_stream(current_stream().id)
        yield b"two"
        yield b"three"

    answer(lambda: StreamingHttpResponse(body()))
    with override_settings(STREAMINSTR={"BACKEND": backend, "PAUSED": True, **control}):
        assert Wsgi().read() == b"onetwo"
    assert backend.streams == []


def test_without_a_limit_a_response_is_as_it_was_while_paused(backend):
    request, response = RequestFactory().get("/"), StreamingHttpResponse([b"a"])
    body = response._iterator
    with override_settings(STREAMINSTR={"BACKEND": backend, "PAUSED": True}):
        StreamScopeMiddleware(lambda request: response)(request)
    assert response._iterator is body
