"""docs/how-to/write-a-backend.md shows the Sentry backend as it is."""

import re
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
BACKEND = HOW_TO / "sentry-backend/streaminstr_sentry.py"
CONTRACT = HOW_TO / "sentry-backend/tests/test_sentry.py"

PAGE = (HOW_TO / "write-a-backend.md").read_text()

shown = re.findall(r"^```python\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_guide_has_code():
    assert len(shown) >= 5


@pytest.mark.parametrize("block", shown)
def test_what_the_guide_shows_is_what_is_tested(block):
    tested = BACKEND.read_text() + CONTRACT.read_text()
    assert block in tested or "importorskip" in block or block.startswith("STREAMINSTR = ")


def test_writing_a_backend_takes_less_than_60_lines():
    assert len(BACKEND.read_text().splitlines()) < 60
