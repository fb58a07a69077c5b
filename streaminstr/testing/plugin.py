"""The pytest plugin: the fixtures `streams` and `datadog_spans`.

pytest loads it in every environment with streaminstr, so it imports only pytest until a test uses
one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streaminstr.testing._streams import Streams


@pytest.fixture
def streams() -> Iterator[Streams]:
    """The streams of this test, recorded instead of sent to the configured backend.

    Its methods also end responses as a server would. A stream left open at the end fails the test.
    """
    from streaminstr.testing._streams import recorded_streams  # noqa: PLC0415 - see above

    with recorded_streams() as recorded:
        yield recorded


@pytest.fixture
def datadog_spans() -> Iterator[list[Any]]:
    """The ddtrace spans that have finished in this test, in the order of their traces' ends.

    They are not sent to the agent. Replaces the tracer's trace processors.
    """
    from streaminstr.testing._datadog import captured_spans  # noqa: PLC0415 - see above

    with captured_spans() as spans:
        yield spans
