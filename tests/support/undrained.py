"""A fixture for conftest files: what one test has a process drain is not left to the next one."""

import pytest

from streaminstr._process.drain import drain


@pytest.fixture(autouse=True)
def undrained():
    """SIGTERM begins no drain here, unless a test asks for it."""
    drain.grace = None
    yield
    drain.grace = None
