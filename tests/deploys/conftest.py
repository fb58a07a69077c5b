"""Servers that are told to stop: `python -m pytest -m deploys tests/deploys`.

With `--short` it takes less than 90 seconds; with `--write-table` what was seen is written into
docs/reference/servers.md.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import deploy_cells
import deploy_table
import tables
from deploy_kinds import KINDS, SHORT, is_missing

AT_ONCE = 4
"""How many servers are told to stop at the same time."""


def pytest_addoption(parser):
    tables.add_option(parser)
    tables.add_short(parser)


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.parent.name == "deploys":
            item.add_marker(pytest.mark.deploys)


@pytest.fixture(scope="session")
def is_short(request):
    return request.config.getoption("--short")


@pytest.fixture(scope="session")
def cells(request, is_short, tmp_path_factory):
    """By server, own option, drain: what was seen, or will be; written down at the end."""
    folder = tmp_path_factory.mktemp("cells")
    jobs = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name in SHORT if is_short else KINDS:
            for with_option, drains in deploy_table.COLUMNS:
                if is_missing(KINDS[name]) or (with_option and not KINDS[name].option):
                    continue
                run = partial(deploy_cells.run, KINDS[name], folder=folder / str(len(jobs)))
                jobs[name, with_option, drains] = pool.submit(
                    run, with_option=with_option, drains=drains
                )
        yield jobs
    if request.config.getoption("--write-table") and not is_short:
        deploy_table.write({key: job.result() for key, job in jobs.items()})
