"""One fixture for each vendor: streams go to it, and what it would export can be looked at."""

from collections import Counter
from contextlib import ExitStack

import pytest

import streaminstr
from streaminstr import _configure
from streaminstr._calls import guard


@pytest.fixture(autouse=True)
def _no_complaint(caplog, monkeypatch):
    """No vendor says "Failed to detach context", and no backend raises."""
    swallowed = Counter()
    monkeypatch.setattr(guard, "errors", swallowed)
    yield
    assert "detach" not in caplog.text
    assert not swallowed


@pytest.fixture
def otel():
    """OpenTelemetry, with an SDK of its own."""
    from wire_memory_otel import OpenTelemetry  # noqa: PLC0415 - one vendor may be absent

    return OpenTelemetry()


@pytest.fixture
def datadog():
    """Datadog, with its one tracer; nothing leaves the process."""
    from wire_memory_datadog import Datadog  # noqa: PLC0415 - one vendor may be absent

    vendor = Datadog()
    yield vendor
    vendor.restore()


@pytest.fixture(params=["otel", "datadog"])
def vendor(request):
    """Each vendor in turn, by the names that both share."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def force():
    """Put a backend and its options in force for the rest of the test."""
    with ExitStack() as stack:
        yield lambda backend, **options: stack.enter_context(
            _configure.forced(_configure.build(backend, **options))
        )


@pytest.fixture
def stream(vendor, force):
    """Make a stream on the vendor."""

    def make(body=(b"one", b"two"), *, name="s", attributes=None, **options):
        force(vendor.backend, **options)
        return streaminstr.stream(body, name=name, attributes=attributes)

    return make
