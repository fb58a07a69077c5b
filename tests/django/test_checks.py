"""System checks: each wrong setting has its id, and a hint that says what to write."""

import sys
from types import ModuleType, SimpleNamespace

import django
import pytest
from django.core import checks
from django.test import override_settings

from django_settings import MIDDLEWARE
from streaminstr.django import conf
from streaminstr.django.checks import check_middleware, check_settings, check_tracers, register

GZIP = "django.middleware.gzip.GZipMiddleware"
STRUCTLOG = "django_structlog.middlewares.RequestMiddleware"
OTEL = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"


def found(check, **settings):
    """The ids of what `check` says, without their common beginning."""
    with override_settings(**settings):
        messages = check(app_configs=None)
    assert all(message.hint for message in messages)
    return [message.id.removeprefix("streaminstr.") for message in messages]


@pytest.mark.parametrize(
    ("setting", "ids"),
    [
        ({"BACKEND": "log"}, []),
        ({"BACKEND": None}, []),
        ("log", ["E001"]),
        (None, ["E001"]),
        ({"BACKENDS": "log"}, ["E001"]),
        ({"BACKEND": "nobody"}, ["E002"]),
        ({"BACKEND": "no.such.Backend"}, ["E002"]),
        ({"BACKEND": 7}, ["E002"]),
        ({"OPTIONS": 7}, ["E003"]),
        ({"PARENT": "aunt"}, ["E003"]),
        ({"LOG_LEVELS": {"completed": "loud"}}, ["E003"]),
        ({"LOG_LEVELS": {"opened": "debug"}}, []),
        ({"LOG_LEVELS": {"opened": "loud"}}, ["E003"]),
        ({"BACKEND": "opentelemetry", "OPTIONS": {"gaps": True}}, []),
        ({"PROGRESS_INTERVAL": 0}, ["E003"]),
        ({"LIMIT": 500}, []),
        ({"LIMIT": 0}, ["E003"]),
        ({"LIMIT": True}, ["E003"]),
        ({"LIMIT": "500"}, ["E003"]),
        ({"FILTER": "no.such.filter"}, ["E004"]),
        ({"ENDS_WITH": {"chat/": 4}}, ["E005"]),
        ({"DRAIN": {"GRACE": 20}}, []),
        ({"DRAIN": None}, []),
        ({"DRAIN": 20}, ["E003"]),
        ({"DRAIN": {"GRACE": 0}}, ["E003"]),
        ({"DRAIN": {"GRACE": None}}, ["E003"]),
        ({"DRAIN": {"GRACE": 20, "TIMEOUT": 1}}, ["E003"]),
        ({"FAREWELL": 4}, ["E003"]),
        ({"MAX_AGE": "long"}, ["E003"]),
        ({"MAX_STALL": 0}, ["E003"]),
        ({"RELEASE_CONNECTIONS": 1}, ["E006"]),
        ({"RELEASE_CONNECTIONS": True}, []),
        ({"FILTER": 7, "BACKEND": "nobody"}, ["E002", "E004"]),
        ({"backend": 1, "FILTERS": 2, "LIMIT": 0, "DRAIN": 0}, ["E001", "E001", "E003", "E003"]),
    ],
)
def test_settings(setting, ids):
    assert found(check_settings, STREAMINSTR=setting) == ids


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        ([GZIP, STRUCTLOG, OTEL, MIDDLEWARE], []),
        ([MIDDLEWARE, "django.middleware.common.CommonMiddleware"], []),
        ([GZIP], ["W001"]),
        ([MIDDLEWARE, MIDDLEWARE], ["W002"]),
        ([MIDDLEWARE, GZIP], ["W003"]),
        ([MIDDLEWARE, STRUCTLOG], ["W003"]),
        ([MIDDLEWARE, OTEL], ["W003"]),
        ((MIDDLEWARE, GZIP, STRUCTLOG, MIDDLEWARE), ["W002", "W003", "W003"]),
    ],
)
def test_middleware(listed, ids):
    assert found(check_middleware, MIDDLEWARE=listed) == ids


@pytest.mark.parametrize(("setting", "ids"), [({"BACKEND": None}, []), ("bad", ["W001"])])
def test_nothing_is_missing_where_all_is_turned_off(setting, ids):
    assert found(check_middleware, MIDDLEWARE=[], STREAMINSTR=setting) == ids


def test_the_app_registers_all_checks():
    register()
    assert {check_settings, check_middleware, check_tracers} <= set(
        checks.registry.registry.get_checks()
    )


def made_in(module):
    """A backend of a class that says it comes from `module`."""
    return type("Backend", (), {"__module__": module, "open": lambda self, info: None})()


BACKENDS = {name: made_in(f"streaminstr_{name}") for name in ("ddtrace", "opentelemetry")}


@pytest.fixture
def process(monkeypatch):
    """A process in which nobody traces anything yet; call it to say who does."""
    for name in ("opentelemetry.trace", *LOADED.values()):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(django, "_datadog_patch", False, raising=False)

    def say(*, datadog=False, loaded=(), provider=None):
        monkeypatch.setattr(django, "_datadog_patch", datadog)
        for name in loaded:
            monkeypatch.setitem(sys.modules, LOADED[name], ModuleType(name))
        if provider:
            kind = type("TracerProvider", (), {"__module__": provider})
            module = SimpleNamespace(get_tracer_provider=kind)
            monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)

    return say


LOADED = {
    "ddtrace asgi": "ddtrace.contrib.asgi",
    "ddtrace wsgi": "ddtrace.contrib.wsgi",
    "otel asgi": "opentelemetry.instrumentation.asgi",
    "otel wsgi": "opentelemetry.instrumentation.wsgi",
    "otel django": "opentelemetry.instrumentation.django",
}


@pytest.mark.parametrize(
    ("names", "who", "listed", "ids"),
    [
        (["opentelemetry"], {}, [], []),
        (["opentelemetry"], {"datadog": True}, [], ["W004"]),
        (["opentelemetry"], {"loaded": ["ddtrace wsgi"]}, [], ["W004"]),
        (["opentelemetry"], {"datadog": True}, [OTEL], []),
        (["opentelemetry"], {"datadog": True, "loaded": ["otel asgi"]}, [], []),
        (["opentelemetry"], {"datadog": True, "provider": "ddtrace.opentelemetry"}, [], []),
        (["opentelemetry"], {"datadog": True, "provider": "opentelemetry.sdk"}, [], ["W004"]),
        (["ddtrace"], {"datadog": True}, [], []),
        (["ddtrace"], {"loaded": ["otel asgi"]}, [], ["W004"]),
        (["ddtrace"], {"loaded": ["otel asgi", "otel django"]}, [], []),
        (["ddtrace"], {"provider": "ddtrace.opentelemetry"}, [OTEL], []),
        (["ddtrace", "opentelemetry"], {"datadog": True}, [OTEL], []),
        (["ddtrace", "opentelemetry"], {"datadog": True}, [], ["W004"]),
        (["ddtrace", "opentelemetry"], {"provider": "ddtrace.opentelemetry"}, [], ["W005"]),
    ],
)
def test_tracers(names, who, listed, ids, process):
    process(**who)
    backend = [BACKENDS[name] for name in names]
    assert (
        found(check_tracers, STREAMINSTR={"BACKEND": backend}, MIDDLEWARE=[*listed, MIDDLEWARE])
        == ids
    )


@pytest.mark.parametrize("setting", [{"BACKEND": "nobody"}, {"BACKEND": None}])
def test_tracers_have_nothing_to_say_where_there_is_no_backend(setting, process):
    process(datadog=True)
    assert found(check_tracers, STREAMINSTR=setting) == []


def test_without_the_setting_nobody_can_be_doubled(process):
    process(datadog=True)
    with override_settings():
        del django.conf.settings.STREAMINSTR
        assert conf.loaded() is None
        assert check_tracers() == []
