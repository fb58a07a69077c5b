"""Real servers: `python -m pytest -m servers tests/servers`.

With `--write-table` what was seen is written into docs/reference/servers.md.
"""

import pytest

import server_table


def pytest_addoption(parser):
    parser.addoption(
        "--write-table",
        action="store_true",
        help="write what the servers were seen to do into docs/reference/servers.md",
    )


@pytest.fixture(scope="session")
def table(request):
    """What was seen, by server, with the net and without; written down at the end if asked for."""
    seen = {}
    yield seen
    if request.config.getoption("--write-table"):
        server_table.write(seen)
