"""Flask, alone and with OpenTelemetry's middleware. Also run with 3.1.1: `nox -s old_flask`."""

from importlib.metadata import version

import pytest
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

from real_app import App
from real_check import check, compare
from real_flask import app
from real_spans import PROVIDER

BEGINS = version("flask").split(".") <= ["3", "1", "1"]
"""Whether `stream_with_context` takes the first step of a body by itself."""


def app_in_opentelemetry():
    return OpenTelemetryMiddleware(app(), tracer_provider=PROVIDER)


def test_a_generator(wsgi_ending):
    check(App(app, "wsgi"), wsgi_ending)


def test_a_generator_with_the_context_of_its_request(wsgi_ending):
    inside = {"inside": "request"} if BEGINS else {}
    plain, _ = check(App(app, "wsgi", "/context/{ending}"), wsgi_ending, begun=BEGINS, **inside)
    assert plain.seen.body.startswith(b"0 True\n1 True\n")


@pytest.mark.parametrize("path", ["/stream", "/context"])
def test_a_generator_under_opentelemetry(path, wsgi_ending):
    site = App(app_in_opentelemetry, "wsgi", f"{path}/{{ending}}", has_span=False)
    begun = BEGINS and path == "/context"
    check(site, wsgi_ending, parent=None, inside=f"GET {path}/{wsgi_ending}", begun=begun)


@pytest.mark.parametrize("make", [app, app_in_opentelemetry])
def test_a_page_has_no_scope(make):
    _, ours = compare(App(make, "wsgi", "/page"), "full")
    assert ours.recorder.streams == []
