"""The public names: all are shown before they are loaded, and those of 0.1.0 still import."""

import pydoc
import rlcompleter
import runpy
import subprocess
import sys
from importlib import import_module

import pytest

import documents
import streaminstr
import streaminstr.testing

IN_0_1_0 = {
    "streaminstr": [
        *("Backend", "Outcome", "StreamInfo", "StreamReport", "StreamScope", "StreaminstrError"),
        *("__version__", "configure", "current_stream", "shutdown", "stream", "streamed"),
    ],
    "streaminstr.__main__": ["main"],
    "streaminstr.asgi": ["StreamScopeMiddleware"],
    "streaminstr.django.apps": ["StreaminstrConfig"],
    "streaminstr.django.checks": [
        *("MIDDLEWARE", "check_middleware", "check_settings", "check_tracers", "register"),
    ],
    "streaminstr.django.conf": [
        *("KEYS", "Loaded", "adopt", "build", "check_keys", "check_options", "load_filter"),
        "loaded",
    ],
    "streaminstr.django.decorators": ["stream_scope"],
    "streaminstr.django.middleware": ["StreamScopeMiddleware"],
    "streaminstr.django.signals": ["bind_extra_stream_metadata"],
    "streaminstr.log": [
        *("DEFAULT_LEVELS", "LEVELS", "LogBackend", "LogScope", "StreamFilter", "StreamLogger"),
        *("as_text", "is_levels", "one_line", "stream_logger", "with_log"),
    ],
    "streaminstr.testing": ["BackendContract", "RecordedStream", "RecordingBackend", "SpanView"],
    "streaminstr.testing.plugin": ["datadog_spans", "streams"],
    "streaminstr.wsgi": ["StreamScopeMiddleware"],
    "streaminstr_ddtrace": ["NAMES", "OPERATION", "DatadogBackend", "DatadogScope"],
    "streaminstr_opentelemetry": ["SCHEMA_URL", "OpenTelemetryBackend", "OpenTelemetryScope"],
}
"""All but `streaminstr.structlog`, which shadowed the library's own name."""
SHOWN = {*streaminstr.__all__, "__version__", "attributes", "types"}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in IN_0_1_0.items() for name in names]
)
def test_a_public_import_of_0_1_0_still_works(module, name):
    if module.startswith("streaminstr_"):
        pytest.importorskip(module.removeprefix("streaminstr_"))
    assert hasattr(import_module(module), name)


def test_the_api_reference_knows_which_names_0_1_0_had():
    """Of the modules that it describes. `Streams` is the value of the fixture `streams`."""
    described = [
        *("streaminstr", "streaminstr.asgi", "streaminstr.django.decorators"),
        *("streaminstr.django.signals", "streaminstr.testing"),
    ]
    names = {name for module in described for name in IN_0_1_0[module]} - {"__version__"}
    extension = runpy.run_path(str(documents.ROOT / "docs/_extensions/docstrings.py"))
    assert extension["OF_FIRST"] == {*names, "Streams"}


@pytest.mark.parametrize("module", [streaminstr, streaminstr.testing])
def test_dir_shows_the_public_names_and_each_is_there(module):
    assert set(module.__all__) <= set(dir(module))
    assert all(hasattr(module, name) for name in dir(module))


def test_dir_shows_nothing_else():
    assert set(dir(streaminstr)) == SHOWN


def test_dir_shows_them_before_they_are_loaded():
    code = "import streaminstr; print(*dir(streaminstr))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert set(done.stdout.split()) == SHOWN


def test_tab_completion_offers_them():
    completer = rlcompleter.Completer({"streaminstr": streaminstr})
    offered = {completer.complete("streaminstr.s", state) for state in range(3)}
    assert {one.partition("(")[0] for one in offered} == {
        "streaminstr.shutdown",
        "streaminstr.stream",
        "streaminstr.streamed",
    }


def test_help_describes_each_of_them():
    text = pydoc.render_doc(streaminstr, renderer=pydoc.plaintext)
    lines = [line.strip() for line in text.splitlines()]
    for name in streaminstr.__all__:
        assert any(line.startswith((f"{name}(", f"class {name}(")) for line in lines), name


def test_the_modules_of_public_words_need_no_import_of_their_own():
    code = "import streaminstr; streaminstr.attributes.OUTCOME; streaminstr.types.Outcome"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
