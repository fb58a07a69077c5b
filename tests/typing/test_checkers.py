"""Users' type checkers accept right uses of the public API, and wrong ones are errors to them."""

from pathlib import Path

import pytest

import checkers
import documents

pytestmark = pytest.mark.typing

HERE = Path(__file__).parent
RIGHT = tuple(sorted(set(HERE.glob("*.py")) - {Path(__file__)}))
WRONG = tuple(sorted(HERE.glob("wrong/*.py")))
each_checker = pytest.mark.parametrize("checker", ["mypy", "pyright", "basedpyright"])


@each_checker
@pytest.mark.parametrize("file", RIGHT, ids=lambda file: file.stem)
def test_right_code_has_no_errors(checker, file):
    assert checkers.errors(checker, *RIGHT, *WRONG)[file] == {}


@each_checker
@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_wrong_code_has_an_error_on_each_wrong_line_and_on_no_other(checker, file):
    found = checkers.errors(checker, *RIGHT, *WRONG)[file]
    assert found.keys() == checkers.wrong_lines(file), found


def test_the_python_of_the_readme_passes_mypy_strict(tmp_path):
    program, _ = documents.program((documents.ROOT / "README.md").read_text())
    page = tmp_path / "readme.py"
    page.write_text(documents.without_settings(program))
    assert checkers.errors("mypy", page)[page] == {}
