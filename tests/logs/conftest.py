"""What the tests of the logging half share."""

from importlib.metadata import version

import pytest
import structlog

collect_ignore = [] if version("django-structlog").startswith("2.") else ["old"]
"""`old` is for an environment of its own: nox -s old_structlog."""


@pytest.fixture(autouse=True)
def _structlog_as_before():
    """Each test finds structlog as it was, with nothing bound, and leaves it so."""
    before = structlog.get_config()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    structlog.threadlocal._CONTEXT.__dict__.clear()


@pytest.fixture(params=["opentelemetry", "ddtrace"])
def vendor(request):
    """A backend, and a function that gives the log fields of its finished spans."""
    import log_vendors  # noqa: PLC0415 - not where `old` is all that runs

    with getattr(log_vendors, request.param)() as made:
        yield made
