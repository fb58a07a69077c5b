"""What the tests of the logging half share."""

import pytest
import structlog

import log_vendors


@pytest.fixture(autouse=True)
def _structlog_as_before():
    """Each test finds structlog as it was, with nothing bound, and leaves it so."""
    before = structlog.get_config()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    structlog.threadlocal._CONTEXT.__dict__.clear()


@pytest.fixture(params=list(log_vendors.VENDORS))
def vendor(request):
    """A backend, and a function that gives the log fields of its finished spans."""
    with log_vendors.VENDORS[request.param]() as made:
        yield made
