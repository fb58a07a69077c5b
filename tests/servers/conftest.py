"""Real servers: `python -m pytest -m servers tests/servers`.

With `--short` some servers are left out; with `--write-table` what was seen is written into
docs/reference/servers.md.
"""

import pytest

import server_table
import tables


def pytest_addoption(parser):
    tables.add_option(parser)
    tables.add_short(parser)


@pytest.fixture(scope="session")
def table(request):
    """What was seen, by server, with the net and without; written down at the end if asked for."""
    seen = {}
    yield seen
    if request.config.getoption("--write-table"):
        server_table.write(seen)
