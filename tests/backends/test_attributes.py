"""The registry of attributes: as set, as documented, and as OpenTelemetry has them."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest
from opentelemetry.semconv import schemas
from opentelemetry.semconv.attributes import error_attributes, http_attributes, url_attributes

import attribute_table
import streaminstr
import streaminstr_ddtrace
import streaminstr_opentelemetry
from streaminstr import Outcome, StreamReport, attributes, metrics

ROOT = Path(__file__).parents[2]
ALL = (*attribute_table.AT_START, *attribute_table.AT_END, *attribute_table.IN_PROGRESS)
NAMES = {row.name for row in ALL}
TYPES = {"string": str, "int": int, "double": float, "boolean": bool}
NO_ATTRIBUTES = re.compile(
    r"streaminstr\.(stream|streams\.(opened|closed|refused)|active_streams|backends|check|demo|django|exchange|line"
    r"|current_stream|let_in|roster|starlette|(view|close)_openstream)\b"
    r"|http\.(disconnect|request$|response\.(start|body|trailers))"
)
"""Other names that begin like an attribute's: metrics, modules, permissions, messages of ASGI."""

full_report = StreamReport(
    outcome=Outcome.FAILED,
    cancelled_by="client",
    error=ValueError(),
    is_error=True,
    time_to_first_chunk=0.1,
    request_time_to_first_chunk=0.2,
    zero_copy=True,
    resumed=True,
    loop_lag=0.1,
    reason="gone",
    close_reason="DRAIN",
    events=2,
    pings=1,
    time_to_first_event=0.2,
    upstream_time=0.1,
    bottleneck="upstream",
    marks={"NAME": 0.1},
    rates={"NAME": 2.0},
    buffered=True,
    db_connections=1,
    segment=2,
)


def test_page_is_written_from_the_registry():
    page = ROOT / "docs" / "reference" / "attributes.md"
    assert page.read_text() == attribute_table.as_markdown(), (
        "run: python tests/support/attribute_table.py > docs/reference/attributes.md"
    )


def test_what_a_report_sets_at_the_end_is_documented_and_nothing_else():
    assert set(full_report.as_attributes()) == {row.name for row in attribute_table.AT_END}


def test_what_an_open_stream_has_instead_of_an_outcome():
    so_far = dataclasses.replace(full_report, stalled="producer").as_attributes()
    assert set(so_far) ^ set(full_report.as_attributes()) == {
        "streaminstr.stalled",
        "streaminstr.outcome",
    }


def test_types_are_those_that_are_set():
    kinds = {row.name: TYPES[row.type] for row in ALL}
    assert {name: type(value) for name, value in full_report.as_attributes().items()} == {
        name: kinds[name] for name in full_report.as_attributes()
    }


def test_the_code_takes_attribute_names_from_their_one_module():
    """No `streaminstr.*`, `http.*`, `url.*` or `error.*` is written out anywhere else."""
    sources = [
        path
        for package in (streaminstr, streaminstr_opentelemetry, streaminstr_ddtrace)
        for path in Path(package.__file__).parent.rglob("*.py")
        if path.name != "attributes.py"
    ]
    literals = {
        node.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    used = {
        one for one in literals if re.fullmatch(r"(streaminstr|http|url|error)\.[a-z_.]+[a-z]", one)
    }
    used = {one for one in used if not NO_ATTRIBUTES.match(one)}
    assert used == {*streaminstr_ddtrace.NAMES.values(), "error.message"}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("http.request.method", http_attributes.HTTP_REQUEST_METHOD),
        ("http.route", http_attributes.HTTP_ROUTE),
        ("http.response.status_code", http_attributes.HTTP_RESPONSE_STATUS_CODE),
        ("url.path", url_attributes.URL_PATH),
        ("error.type", error_attributes.ERROR_TYPE),
    ],
)
def test_shared_names_are_those_of_the_stable_conventions(name, theirs):
    assert name == theirs
    assert name in NAMES


def test_every_name_that_is_not_ours_is_checked_above():
    (mark,) = test_shared_names_are_those_of_the_stable_conventions.pytestmark
    checked = {name for name, _ in mark.args[1]}
    assert {row.name for row in ALL if row.source != "streaminstr"} == checked


def test_the_constants_are_the_documented_names():
    constants = {
        value for name, value in vars(attributes).items() if name.isupper() and name != "PREFIX"
    }
    prefixes = {"streaminstr.mark.", "streaminstr.rate."}
    named = {f"{one}NAME" if one in prefixes else one for one in constants}
    assert named == NAMES | {"streaminstr.name"}


def test_own_names_are_in_our_own_namespace():
    """semconv/general/naming: no existing namespace as a prefix."""
    own = [row.name for row in ALL if row.source == "streaminstr"]
    assert all(name.startswith("streaminstr.") for name in own)


def test_schema_is_a_published_one():
    assert streaminstr_opentelemetry.SCHEMA_URL in {one.value for one in schemas.Schemas}


def test_names_at_datadog_are_documented():
    documented = {row.name: row.datadog for row in ALL if row.datadog.startswith("tag `")}
    assert {
        name: re.search("`(.*)`", datadog)[1] for name, datadog in documented.items()
    } == streaminstr_ddtrace.NAMES


def test_attributes_of_metrics_are_documented():
    of_all = {name for metric in metrics.METRICS for name in metric.attributes}
    assert of_all - {"streaminstr.name"} <= NAMES


def test_what_only_django_knows_is_never_an_attribute_of_a_metric():
    of_django = {attributes.BUFFERED, attributes.DB_CONNECTIONS}
    assert of_django.isdisjoint({*metrics.AT_START, *metrics.AT_END})
