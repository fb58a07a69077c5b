"""The page of names says what the backends really send."""

import re

import pytest
from prometheus_client import CollectorRegistry

import documents
import names_table
import streaminstr
from streaminstr import metrics
from streaminstr_prometheus import PrometheusBackend


def test_the_page_is_written_from_the_table():
    page = documents.ROOT / "docs" / "reference" / "names.md"
    assert page.read_text() == names_table.as_markdown(), (
        "run: python tests/support/names_table.py > docs/reference/names.md"
    )


@pytest.fixture
def sent(force):
    """The names of all samples of Prometheus, after a stream and a refusal."""
    registry = CollectorRegistry()
    backend = PrometheusBackend(registry=registry)
    force(backend)
    list(streaminstr.stream([b"one"], name="s"))
    backend.refused(streaminstr.StreamInfo(name="s"))
    return {sample.name for family in registry.collect() for sample in family.samples}


def test_each_metric_has_the_name_that_prometheus_reads(sent):
    assert {names_table.prometheus_name(metric) for metric in metrics.METRICS} <= sent


def test_each_query_asks_for_a_metric_that_there_is(sent):
    asked = {
        name
        for query in names_table.QUERIES
        for name in re.findall(r"streaminstr_\w+(?=[\[{)])", query.prometheus)
    }
    assert asked
    assert asked <= sent
