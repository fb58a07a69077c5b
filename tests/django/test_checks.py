"""System checks: each wrong setting has its id, and a hint that says what to write."""

import ast
import logging
import logging.config
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import django
import pytest
import structlog
from django.apps import apps
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.core import checks
from django.test import override_settings
from django.urls import include, path, re_path, resolve

import documents
from django_settings import MIDDLEWARE, SILENT
from streaminstr._options import KEYS
from streaminstr.apps import ListedByMistake, check_app
from streaminstr.django import _keys, conf
from streaminstr.django.checks import (
    check_log,
    check_middleware,
    check_names,
    check_routes,
    check_settings,
    check_tracers,
    register,
)
from streaminstr.log import structured

COMMON = "django.middleware.common.CommonMiddleware"
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
        ({"parent": "aunt"}, ["E001"]),
        ({7: "log"}, ["E001"]),
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
        ([MIDDLEWARE, COMMON], ["W003"]),
        ([GZIP], ["W001"]),
        ([MIDDLEWARE, MIDDLEWARE], ["W002"]),
        ([MIDDLEWARE, GZIP], ["W003"]),
        ([MIDDLEWARE, STRUCTLOG], ["W003"]),
        ([MIDDLEWARE, OTEL], ["W003"]),
        ((MIDDLEWARE, GZIP, STRUCTLOG, MIDDLEWARE), ["W002", "W003"]),
        (["streaminstr.asgi.StreamScopeMiddleware"], ["E007"]),
        ([COMMON, "streaminstr.wsgi.StreamScopeMiddleware", MIDDLEWARE], ["E007"]),
        ([MIDDLEWARE, "streaminstr.asgi.StreamScopeMiddleware"], ["E007", "W003"]),
    ],
)
def test_middleware(listed, ids):
    assert found(check_middleware, MIDDLEWARE=listed) == ids


@pytest.mark.parametrize(("setting", "ids"), [({"BACKEND": None}, []), ("bad", ["W001"])])
def test_nothing_is_missing_where_all_is_turned_off(setting, ids):
    assert found(check_middleware, MIDDLEWARE=[], STREAMINSTR=setting) == ids


def test_all_that_is_listed_after_it_is_named_in_one_warning():
    with override_settings(MIDDLEWARE=[MIDDLEWARE, GZIP, COMMON]):
        (warning,) = check_middleware()
    assert warning.msg.startswith(f"StreamScopeMiddleware is listed before {GZIP}, {COMMON}: ")


def test_the_order_of_middleware_can_be_silenced():
    (warning,) = check_middleware_of([MIDDLEWARE, COMMON])
    with override_settings(SILENCED_SYSTEM_CHECKS=["streaminstr.W003"]):
        assert warning.is_silenced()


def check_middleware_of(listed):
    with override_settings(MIDDLEWARE=listed):
        return check_middleware()


def test_the_error_of_a_backend_names_its_setting():
    with override_settings(STREAMINSTR={"BACKEND": ["lgo", False]}):
        first, second = check_settings()
    assert first.msg.startswith(
        "STREAMINSTR[\"BACKEND\"]: No backend is called 'lgo'. Did you mean"
    )
    assert second.msg.startswith('STREAMINSTR["BACKEND"]: False is no backend. Write None')


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("STREAMINSTRS", ["W008"]),
        ("STREAM_INSTR", ["W008"]),
        ("STREMINSTR", ["W008"]),
        ("STREAMINSTR_BACKEND", ["W008"]),
        ("STREAMING", []),
        ("INSTRUMENT", []),
        ("streaminstrs", []),
    ],
)
def test_a_setting_of_nearly_that_name(name, ids):
    assert found(check_names, **{name: {}}) == ids


def test_a_variable_of_nearly_that_name(monkeypatch):
    monkeypatch.setenv("STREAMINSTR_BACKENDS", "log")
    monkeypatch.setenv("STREAMINSTR_PURE", "1")
    (warning,) = check_names()
    assert warning.id == "streaminstr.W007"
    assert warning.msg == (
        "The environment variable STREAMINSTR_BACKENDS is unknown, and has no effect. "
        "Did you mean 'STREAMINSTR_BACKEND'?"
    )


def test_no_hint_names_a_file_that_an_installed_package_does_not_have():
    sources = [path.read_text() for path in Path(_keys.__file__).parent.glob("*check*.py")]
    hints = [check.hint for check in (*_keys.CHECKS.values(), _keys.OPTION)]
    assert not [text for text in (*sources, *hints) if "docs/" in text or ".md" in text]
    assert documents.SITE.findall(_keys.REFERENCE) == ["reference/settings.html"]
    assert documents.broken_addresses(_keys.REFERENCE) == []


@pytest.mark.parametrize("key", KEYS)
def test_each_key_has_a_row_and_an_example(key):
    page = (documents.ROOT / "docs/reference/settings.md").read_text()
    assert f"\n| `{key}` | " in page
    assert f'\n    "{key}": ' in page


def test_each_check_has_a_row():
    page = (documents.ROOT / "docs/reference/settings.md").read_text()
    folder = Path(_keys.__file__).parent
    sources = [path.read_text() for path in (*folder.glob("*.py"), folder.parent / "apps.py")]
    ids = set(re.findall(r"[EW]0\d\d(?=\")", "".join(sources)))
    assert ids == {*re.findall(r"^\| `streaminstr\.([EW]0\d\d)`", page, re.MULTILINE)} - {"W006"}


def test_the_package_in_place_of_the_app_is_an_error(tmp_path):
    """In a process of its own: Django's apps are set up once."""
    settings = tmp_path / "shop_settings.py"
    settings.write_text(f"INSTALLED_APPS = ['streaminstr']\nMIDDLEWARE = ['{MIDDLEWARE}']\n")
    command = [sys.executable, "-m", "django", "check", "--settings=shop_settings"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 1
    assert (check_app()[0].id, ListedByMistake.name) == ("streaminstr.E008", "streaminstr")
    assert 'streaminstr.E008) INSTALLED_APPS lists "streaminstr", which is no app' in done.stderr
    assert 'HINT: Write "streaminstr.django".' in done.stderr


def test_the_app_registers_all_checks():
    register()
    assert {check_settings, check_names, check_middleware, check_tracers} <= set(
        checks.registry.registry.get_checks()
    )


def made_in(module):
    """A backend of a class that says it comes from `module`."""
    return type("Backend", (), {"__module__": module, "open": lambda self, info: None})()


OTLP = {"ddtrace": "4.16.0", "OTEL_TRACES_EXPORTER": "OTLP"}
MENDED = {"DD_TRACE_AGENT_PROTOCOL_VERSION": "v0.4"}
BACKENDS = {name: made_in(f"streaminstr_{name}") for name in ("ddtrace", "opentelemetry")}


@pytest.fixture
def process(monkeypatch):
    """A process in which nobody traces anything yet; call it to say who does."""
    for name in ("OTEL_TRACES_EXPORTER", "DD_TRACE_AGENT_PROTOCOL_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("opentelemetry.trace", "ddtrace", *LOADED.values()):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(django, "_datadog_patch", False, raising=False)

    def say(*, datadog=False, loaded=(), provider=None, ddtrace=None, **variables):
        monkeypatch.setattr(django, "_datadog_patch", datadog)
        for name in loaded:
            monkeypatch.setitem(sys.modules, LOADED[name], ModuleType(name))
        if provider:
            kind = type("TracerProvider", (), {"__module__": provider})
            module = SimpleNamespace(get_tracer_provider=kind)
            monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)
        if ddtrace:
            monkeypatch.setitem(sys.modules, "ddtrace", SimpleNamespace(__version__=ddtrace))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

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
        (["ddtrace", "opentelemetry"], OTLP, [], ["W010"]),
        (["ddtrace", "opentelemetry"], OTLP | {"ddtrace": "4.8.0rc1"}, [], ["W010"]),
        (["ddtrace", "opentelemetry"], OTLP | {"ddtrace": "4.7.9"}, [], []),
        (["ddtrace", "opentelemetry"], OTLP | {"OTEL_TRACES_EXPORTER": "console"}, [], []),
        (["ddtrace", "opentelemetry"], OTLP | MENDED, [], []),
        (["ddtrace"], OTLP, [], []),
        (["ddtrace"], OTLP | {"provider": "opentelemetry.sdk"}, [], ["W010"]),
        (["ddtrace"], OTLP | MENDED | {"provider": "opentelemetry.sdk"}, [], []),
        (["ddtrace"], OTLP | {"provider": "opentelemetry.trace"}, [], []),
        (["ddtrace"], OTLP | {"provider": "ddtrace.opentelemetry"}, [], []),
        (["opentelemetry"], OTLP, [], []),
    ],
)
def test_tracers(names, who, listed, ids, process):
    process(**who)
    backend = [BACKENDS[name] for name in names]
    assert (
        found(check_tracers, STREAMINSTR={"BACKEND": backend}, MIDDLEWARE=[*listed, MIDDLEWARE])
        == ids
    )


def with_tracer(module):
    """OpenTelemetry's backend, whose tracer is of this module."""
    backend = made_in("streaminstr_opentelemetry")
    backend.tracer = type("Tracer", (), {"__module__": module})()
    return backend


API, SDK = "opentelemetry.trace", "opentelemetry.sdk.trace"


@pytest.mark.parametrize(
    ("tracer", "provider", "ids"),
    [
        (API, API, ["W009"]),
        (API, SDK, []),
        (SDK, API, []),
        (API, "ddtrace.internal.opentelemetry.trace", []),
        (API, None, []),
    ],
)
def test_spans_that_no_sdk_records(tracer, provider, ids, process):
    process(provider=provider)
    setting = {"BACKEND": {"BACKEND": with_tracer(tracer), "RATIO": 0.5}}
    assert found(check_tracers, STREAMINSTR=setting) == ids


def test_without_an_sdk_the_real_backend_is_named():
    """In a process of its own, whose provider no test has set."""
    pytest.importorskip("opentelemetry")
    code = (
        "from django.conf import settings\n"
        "settings.configure(STREAMINSTR={'BACKEND': 'opentelemetry'})\n"
        "from streaminstr.django.checks import check_tracers\n"
        "print([one.id for one in check_tracers()])\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n"
        "print([one.id for one in check_tracers()])\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    assert done.stdout.splitlines() == ["['streaminstr.W009']", "[]"]


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


@pytest.fixture
def log(monkeypatch):
    """The logger `streaminstr` below a root without a handler; structlog passes its lines on."""
    logger = logging.getLogger("streaminstr")
    root = logging.Logger("root", "WARNING")  # noqa: LOG001 - a second root
    monkeypatch.setattr(logger, "parent", root)
    monkeypatch.setattr(logger, "handlers", [])
    logger.manager._clear_cache()
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())
    yield root
    structlog.reset_defaults()
    logger.manager._clear_cache()


@pytest.mark.parametrize(
    ("setting", "ids"),
    [
        ({}, ["W013"]),
        ({"BACKEND": "log"}, ["W013"]),
        ({"BACKEND": "log", "ROSTER": True}, ["W013"]),
        ({"BACKEND": ["log", made_in("shop")]}, []),
        ({"BACKEND": None}, []),
        ({"BACKEND": "lgo"}, []),
        ({"LOG_LEVELS": SILENT}, []),
    ],
)
def test_events_that_no_handler_takes(setting, ids, log):
    assert found(check_log, STREAMINSTR=setting) == ids


@pytest.mark.parametrize(
    ("root", "handler", "propagates", "ids"),
    [
        ("INFO", "INFO", True, []),
        ("INFO", "NOTSET", True, []),
        ("INFO", "WARNING", True, ["W013"]),
        ("WARNING", "INFO", True, ["W013"]),
        ("INFO", "INFO", False, ["W013"]),
    ],
)
@pytest.mark.parametrize("has_structlog", [True, False])
def test_a_handler_that_takes_them(root, handler, propagates, ids, has_structlog, log, monkeypatch):
    log.setLevel(root)
    log.addHandler(logging.StreamHandler())
    log.handlers[0].setLevel(handler)
    monkeypatch.setattr(logging.getLogger("streaminstr"), "propagate", propagates)
    if not has_structlog:
        monkeypatch.setattr(structured, "installed", lambda: None)
    assert found(check_log, STREAMINSTR={"BACKEND": "log"}) == ids


def test_the_hint_is_a_setting_that_ends_the_warning(log, monkeypatch):
    with override_settings(STREAMINSTR={"BACKEND": "log"}):
        (warning,) = check_log()
        (written,) = re.findall(r"LOGGING = (.*)\.$", warning.hint)
        monkeypatch.setattr(logging.getLogger("streaminstr"), "level", logging.NOTSET)
        logging.config.dictConfig(ast.literal_eval(written))
        assert check_log() == []


def test_settings_that_are_wrong_are_told_by_the_checks_alone(caplog):
    """As the app is loaded there is no response that could go on without anything."""
    with override_settings(STREAMINSTR={"BACKND": "log"}):
        apps.get_app_config("streaminstr").ready()
    assert caplog.records == []


def test_a_middleware_that_does_not_exist_is_named():
    (warning,) = check_middleware_of(["streaminstr.middleware.StreamScopeMiddleware"])
    assert warning.id == "streaminstr.W001"
    assert warning.msg.endswith("none called streaminstr.middleware.StreamScopeMiddleware.")


def test_structlog_that_prints_by_itself_is_heard():
    assert found(check_log, STREAMINSTR={"BACKEND": "log"}) == []


def included():
    inner = ([path("chat/<int:pk>/", str), re_path("^old/$", str)], "inner")
    return (path("", str), path("api/", include(inner)))


@pytest.mark.parametrize(
    ("route", "ids"),
    [
        ("api/chat/<int:pk>/", []),
        ("api/old/$", []),
        ("", []),
        ("chat/<int:pk>/", ["W014"]),
    ],
)
def test_a_route_of_an_end_marker(route, ids):
    setting = {"BACKEND": "log", "ENDS_WITH": {route: "done"}}
    assert found(check_routes, STREAMINSTR=setting, ROOT_URLCONF=included()) == ids


def test_a_route_is_the_one_that_a_response_has():
    with override_settings(ROOT_URLCONF=included()):
        assert [resolve(one).route for one in ("/api/chat/7/", "/api/old/")] == [
            "api/chat/<int:pk>/",
            "api/old/$",
        ]


@pytest.mark.parametrize(
    "more",
    [
        {"ROOT_URLCONF": (*i18n_patterns(path("a/", str)),)},
        {"STREAMINSTR": {"BACKEND": "lgo"}},
        {"STREAMINSTR": {"BACKEND": "log"}},
    ],
)
def test_routes_that_cannot_be_known_or_are_not_asked_for(more):
    setting = {"BACKEND": "log", "ENDS_WITH": {"chat/": "done"}}
    site = {"STREAMINSTR": setting, "ROOT_URLCONF": included(), **more}
    assert found(check_routes, **site) == []


def test_a_site_without_routes_has_none_to_check():
    setting = {"BACKEND": "log", "ENDS_WITH": {"chat/": "done"}}
    with override_settings(STREAMINSTR=setting, ROOT_URLCONF="none"):
        del settings.ROOT_URLCONF
        assert check_routes() == []
