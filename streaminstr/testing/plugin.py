"""The pytest plugin: the fixtures `streams` and `datadog_spans`.

pytest loads it in every environment that has streaminstr, so it imports nothing but pytest until a
test asks for one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streaminstr.testing._streams import Streams


@pytest.fixture
def streams() -> Iterator[Streams]:
    """What was streamed in this test: recorded, whatever backend is configured.

    Also makes streams end as a server would. A scope that is open at the end fails the test.
    """
    from streaminstr.testing._streams import recorded_streams  # noqa: PLC0415 - see above

    with recorded_streams() as recorded:
        yield recorded


@pytest.fixture
def datadog_spans() -> Iterator[list[Any]]:
    """The ddtrace spans that have finished in this test, in the order of their traces' ends.

    They are kept from the agent. Takes the place of the tracer's own trace processors.
    """
    from streaminstr.testing._datadog import captured_spans  # noqa: PLC0415 - see above

    with captured_spans() as spans:
        yield spans
