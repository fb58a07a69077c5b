"""The files in docs/monitoring ask for what there is."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import CollectorRegistry

import documents
import streaminstr
from streaminstr_prometheus import PrometheusBackend

FOLDER = documents.ROOT / "docs" / "monitoring"
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text())
RULES = yaml.safe_load((FOLDER / "prometheus-rules.yaml").read_text())
GRAFANAS_OWN = {"job", "le", "instance"}


@pytest.fixture
def series(force):
    """The names of all samples, and those of their labels."""
    registry = CollectorRegistry()
    backend = PrometheusBackend(registry=registry)
    force(backend)
    list(streaminstr.stream([b"one"], name="s"))
    backend.refused(streaminstr.StreamInfo(name="s"))
    samples = [sample for family in registry.collect() for sample in family.samples]
    labels = {label for sample in samples for label in sample.labels}
    return {sample.name for sample in samples}, labels


def rules():
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def queries():
    """Each query of the dashboard and of the rules."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    variables = [one["query"] for one in DASHBOARD["templating"]["list"] if "datasource" in one]
    return [*panels, *variables, *(rule["expr"] for rule in rules())]


def metrics_of(query):
    return set(re.findall(r"(?<![\w:])streaminstr_\w+", without_labels(query)))


def without_labels(query):
    plain = re.sub(r"\{[^}]*\}|(?:by|on) \([^)]*\)", " ", query)
    return re.sub(r"label_values\((\w+).*", r"\1", plain)


def labels_of(query):
    named = re.findall(r"(\w+)\s*(?:=~|!=|=)", query)
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", query)
    return {*named, *(label.strip() for one in grouped for label in one.split(","))}


@pytest.mark.parametrize("query", queries())
def test_each_query_asks_for_metrics_and_labels_that_there_are(query, series):
    names, labels = series
    assert metrics_of(query) <= names
    assert metrics_of(query) or "streaminstr:leaked" in query
    assert labels_of(query) <= labels | GRAFANAS_OWN


def test_a_query_for_what_there_is_not_is_found():
    query = 'sum by (nowhere) (rate(streaminstr_nothing_total{neither="x"}[5m]))'
    assert metrics_of(query) == {"streaminstr_nothing_total"}
    assert labels_of(query) == {"nowhere", "neither"}


def test_the_panels_of_the_dashboard_have_each_an_id_and_a_place():
    panels = DASHBOARD["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len({panel["id"] for panel in panels}) == len(places) == len(panels)


def test_each_alert_says_what_has_happened():
    alerts = [rule for rule in rules() if "alert" in rule]
    assert {alert["alert"] for alert in alerts} == {
        "StreamsLeak",
        "StreamsStalled",
        "StreamsCutByServer",
        "StreamsFail",
    }
    assert all(alert["annotations"].keys() == {"summary", "description"} for alert in alerts)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "prometheus-rules.yaml"),
        ("test", "rules", "prometheus-rules.test.yaml"),
    ],
)
def test_prometheus_own_tool_takes_the_rules_and_their_tests(arguments):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not there: install Debian's prometheus")
    done = subprocess.run(  # noqa: S603 - Prometheus' own
        ["promtool", *arguments],  # noqa: S607
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
