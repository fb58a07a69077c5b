"""Flask, alone and with OpenTelemetry's middleware. Also run with 3.1.1: `nox -s old_flask`.

The net steps a body in the Context in which the view was called: also one that the view has begun
is where its tokens are.
"""

from importlib.metadata import version

import pytest
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

from real_app import App
from real_check import check, compare
from real_flask import app
from real_spans import PROVIDER

BEGINS = version("flask").split(".") <= ["3", "1", "1"]
"""Whether `stream_with_context` takes the first step of a body by itself."""


def app_in_opentelemetry():
    return OpenTelemetryMiddleware(app(), tracer_provider=PROVIDER)


def instrumented_app():
    shop = app()
    FlaskInstrumentor().instrument_app(shop, tracer_provider=PROVIDER)
    return shop


def test_a_generator(wsgi_ending):
    check(App(app, "wsgi"), wsgi_ending)


def test_a_generator_with_the_context_of_its_request(wsgi_ending):
    plain, _ = check(App(app, "wsgi", "/context/{ending}"), wsgi_ending)
    assert plain.seen.body.startswith(b"0 True\n1 True\n")


@pytest.mark.parametrize("path", ["/stream", "/context"])
def test_a_generator_under_opentelemetry(path, wsgi_ending):
    site = App(app_in_opentelemetry, "wsgi", f"{path}/{{ending}}")
    check(site, wsgi_ending, inside=f"GET {path}/{wsgi_ending}")


@pytest.mark.parametrize("path", ["/stream", "/context"])
def test_a_generator_of_an_app_that_opentelemetry_instruments(path, wsgi_ending):
    site = App(instrumented_app, "wsgi", f"{path}/{{ending}}")
    begun = BEGINS and path == "/context"  # its span is round the body, and left current without us
    parent = None if begun else "request"  # that span has the same name
    check(site, wsgi_ending, parent=parent, inside=None, begun=begun)


@pytest.mark.parametrize("make", [app, app_in_opentelemetry, instrumented_app])
def test_a_page_has_no_scope(make):
    _, ours = compare(App(make, "wsgi", "/page"), "full")
    assert ours.recorder.streams == []
