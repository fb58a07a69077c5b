"""An endless event stream is open, and its server is told to stop: what becomes of both.

Each server has its default options, or its own graceful timeout; with a drain, or without.
"""

import pytest

import deploy_expected
import deploy_table
from deploy_expected import Fate
from deploy_kinds import KINDS, SHORT
from deploy_table import COLUMNS


@pytest.fixture(params=KINDS)
def server(request, is_short):
    if is_short and request.param not in SHORT:
        pytest.skip("not among the few of --short")
    return request.param


@pytest.fixture(params=[False, True], ids=["default options", "its own timeout"])
def with_option(request, server):
    if request.param and not KINDS[server].option:
        pytest.skip("it has none")
    return request.param


@pytest.fixture(params=[False, True], ids=["no drain", "drain"])
def drains(request):
    return request.param


@pytest.fixture
def cell(cells, server, with_option, drains):
    if (server, with_option, drains) not in cells:
        pytest.skip(f"{KINDS[server].module} is not installed")
    return cells[server, with_option, drains].result()


def test_what_becomes_of_a_stream_is_what_it_has_to_be(cell, server, with_option, drains):
    seen = Fate(cell.life is not None, cell.ends, cell.cleaned_up, cell.clean_end, cell.farewell)
    assert seen == deploy_expected.fate(server, with_option=with_option, drains=drains)


def test_a_server_that_drains_kills_nothing(cell, server, drains):
    if drains and server not in deploy_expected.DEAF:
        assert not cell.killed_its_own


def test_the_documented_table_has_no_empty_cell():
    rows = [row.strip("| ").split("|") for row in deploy_table.written()]
    assert len(rows) == len(KINDS)
    assert all(len(row) == 1 + len(COLUMNS) for row in rows)
    assert not [cell for row in rows for cell in row if not cell.strip() or "not run" in cell]
