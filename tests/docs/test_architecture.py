"""The page of the architecture shows the code as it is: rooms, states and the walk of a body."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import documents
import streaminstr

SUPPORT = Path(documents.__file__).parent
SCRIPT = """
import json, rooms
print(json.dumps({str(path): make() for path, make in rooms.FILES.items()}))
"""
WRITE = "run: python tests/support/rooms.py"

if Path(streaminstr.__file__).parents[1] != documents.ROOT:
    pytest.skip("the sources are not here: another package is installed", allow_module_level=True)


@pytest.fixture(scope="module")
def current():
    """What each file should be: made in a process of its own, since the walk configures it."""
    command = [sys.executable, "-c", SCRIPT]
    environ = {**os.environ, "STREAMINSTR_PURE": "1"}  # a compiled step is in no walk
    done = subprocess.run(  # noqa: S603 - our own
        command, cwd=SUPPORT, env=environ, capture_output=True, text=True, check=True
    )
    return {Path(path): text for path, text in json.loads(done.stdout).items()}


@pytest.mark.parametrize(
    "name", ["docs/images/rooms.svg", "docs/images/states.svg", "docs/explanation/architecture.md"]
)
def test_the_page_and_its_pictures_show_the_code(current, name):
    path = documents.ROOT / name
    assert path.read_text() == current[path], WRITE


def test_every_folder_of_the_package_is_a_room_of_the_picture(current):
    folders = {path.parent.name for path in Path(streaminstr.__file__).parent.glob("*/__init__.py")}
    shown = current[documents.ROOT / "docs/images/rooms.svg"]
    assert all(f">{folder}</text>" in shown for folder in folders)


def test_a_body_starts_and_closes_its_scope_once_in_the_walk(current):
    walk = current[documents.ROOT / "docs/explanation/architecture.md"]
    assert [walk.count(f"RecordedStream.{call}") for call in ("start", "close")] == [1, 1]
