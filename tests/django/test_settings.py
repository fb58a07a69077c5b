"""STREAMINSTR: what it takes, when it is read, and what happens to a wrong one."""

import pytest
from django.apps import apps
from django.core.handlers.wsgi import WSGIHandler
from django.http import StreamingHttpResponse
from django.test import Client, override_settings

import streaminstr
from django_by_hand import Wsgi
from django_settings import SILENT
from streaminstr import StreaminstrError, _configure
from streaminstr.django import conf
from streaminstr.django.decorators import stream_scope
from streaminstr.django.middleware import StreamScopeMiddleware
from streaminstr.log import LogBackend
from streaminstr.testing import RecordingBackend


def kinds(setting):
    with override_settings(STREAMINSTR=setting):
        return [type(backend) for backend in conf.loaded().config.backends]


@pytest.mark.parametrize(
    "wanted",
    [
        RecordingBackend(),
        RecordingBackend,
        "streaminstr.testing.RecordingBackend",
        [RecordingBackend()],
        [{"BACKEND": "streaminstr.testing.RecordingBackend", "OPTIONS": {}}],
    ],
)
def test_a_backend_is_an_object_a_class_a_dotted_path_or_a_list(wanted):
    assert kinds({"BACKEND": wanted}) == [RecordingBackend, LogBackend]


def test_two_backends_are_both_told(answer):
    first, second = RecordingBackend(), RecordingBackend()
    answer(lambda: StreamingHttpResponse([b"a"]))
    with override_settings(STREAMINSTR={"BACKEND": [first, second], "LOG_LEVELS": SILENT}):
        Wsgi().read()
    assert [len(first.closed), len(second.closed)] == [1, 1]


def test_with_no_backend_named_it_is_the_log():
    assert kinds({}) == [LogBackend]


def test_with_no_setting_at_all_configure_counts():
    backend = RecordingBackend()
    with override_settings():
        from django.conf import settings as current  # noqa: PLC0415 - the overridden one

        del current.STREAMINSTR
        conf.adopt()
        assert conf.loaded() is None
        before = _configure._state.configured
        streaminstr.configure(backend, log_levels=SILENT)
        assert _configure.current().backends[0] is backend
        _configure._state.configured = before


def test_the_setting_is_read_when_it_is_used(answer, backend):
    other = RecordingBackend()
    app = WSGIHandler()
    answer(lambda: StreamingHttpResponse([b"a"]))
    Wsgi(app=app).read()
    with override_settings(STREAMINSTR={"BACKEND": other, "LOG_LEVELS": SILENT}):
        Wsgi(app=app).read()
    Wsgi(app=app).read()
    assert [len(backend.closed), len(other.closed)] == [2, 1]


def test_options_reach_the_core():
    setting = {"BACKEND": "log", "CANCELLED_IS_ERROR": True, "PARENT": "link"}
    with override_settings(STREAMINSTR=setting):
        config = conf.loaded().config
    assert (config.cancelled_is_error, config.parent) == (True, "link")


def test_a_stream_is_told_how_it_is_to_be_tied_to_the_request(answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    setting = {"BACKEND": backend, "LOG_LEVELS": SILENT, "PARENT": "link"}
    with override_settings(STREAMINSTR=setting):
        Wsgi().read()
    assert backend.streams[0].info.parent == "link"


@pytest.mark.parametrize("use", [stream_scope, lambda: StreamScopeMiddleware(None)])
def test_no_app_is_needed_for_the_setting_to_count(use, backend, monkeypatch):
    monkeypatch.setattr(_configure._state, "adapter", None)
    use()
    assert backend in _configure.current().backends


def test_the_app_makes_the_setting_count_for_every_stream(backend):
    apps.get_app_config("streaminstr").ready()
    assert list(streaminstr.stream([b"a"], name="outside")) == [b"a"]
    assert backend.streams[0].name == "outside"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("opentelemetry", "Write a dict"),
        (None, "Write a dict"),
        ({"BACKENDS": "log"}, "unknown key 'BACKENDS'. Did you mean 'BACKEND'?"),
        ({"RATIO": 0.05}, "unknown key 'RATIO'. It belongs to one backend"),
        ({"BACKEND": "nobody"}, "No backend is called 'nobody'"),
        ({"BACKEND": "shop.telemetry.MyBackend"}, "cannot be imported"),
        ({"BACKEND": "log", "OPTIONS": ["x"]}, "takes a dict"),
        ({"BACKEND": "log", "OPTIONS": {"x": 1}}, "has no option 'x'. Its options are: levels."),
        ({"PARENT": "grandchild"}, '"child" or "link"'),
        ({"FILTER": "shop.telemetry.wanted"}, "'shop.telemetry.wanted', which cannot be imported"),
        ({"FILTER": 7}, "It takes a function"),
    ],
)
def test_a_wrong_setting_stops_the_start(setting, said):
    with override_settings(STREAMINSTR=setting), pytest.raises(StreaminstrError) as caught:
        WSGIHandler()
    assert said in str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    wrong = {"BACKEND": "nobody", "FILTER": 7, "LIMIT": 0, "PARENT": "aunt", "backend": "log"}
    with override_settings(STREAMINSTR=wrong), pytest.raises(StreaminstrError) as caught:
        WSGIHandler()
    told = str(caught.value).splitlines()
    assert len(told) == len(wrong)
    assert told[0].startswith("STREAMINSTR has the unknown key 'backend'. Did you mean 'BACKEND'?")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"BACKENDS": "log"}, "unknown key 'BACKENDS'"),
        ({"PARENT": "aunt"}, "is 'aunt'"),
        ({"BACKEND": "nobody"}, "called 'nobody'"),
    ],
)
def test_a_config_is_built_of_right_settings_alone(raw, said):
    with pytest.raises(StreaminstrError, match=said):
        conf.build(raw)


def test_what_is_right_is_built_and_loaded():
    assert conf.build({"DRAIN": {"GRACE": 3}}).drain == 3
    assert conf.load_filter({"FILTER": max}) is max
    conf.check_options({"PARENT": "link"})


def test_a_setting_that_goes_wrong_later_costs_the_scope_and_not_the_response(
    answer, backend, errors
):
    app = WSGIHandler()
    answer(lambda: StreamingHttpResponse([b"a"]))
    with override_settings(STREAMINSTR={"BACKEND": "nobody"}):
        assert Wsgi(app=app).read() == b"a"
    assert backend.streams == []
    assert errors == {"streaminstr.django._instrument._instrument: StreaminstrError": 1}


@pytest.mark.parametrize("wanted", ["django_site.wanted", __import__("django_site").wanted])
def test_a_filter_leaves_responses_out(wanted, answer, backend):
    answer(lambda: StreamingHttpResponse([b"a"]))
    setting = {"BACKEND": backend, "FILTER": wanted, "LOG_LEVELS": SILENT}
    with override_settings(STREAMINSTR=setting):
        Client().get("/orders/1/?unwanted").getvalue()
        Client().get("/orders/2/").getvalue()
    assert [one.info.attributes["url.path"] for one in backend.streams] == ["/orders/2/"]


def test_a_filter_that_raises_leaves_nothing_out(answer, backend, errors):
    def broken(request, response):
        raise ValueError

    answer(lambda: StreamingHttpResponse([b"a"]))
    setting = {"BACKEND": backend, "FILTER": broken, "LOG_LEVELS": SILENT}
    with override_settings(STREAMINSTR=setting):
        assert Wsgi().read() == b"a"
    assert len(backend.closed) == 1
    assert sum(errors.values()) == 1
