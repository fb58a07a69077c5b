"""A project of a user: its permissions come with `migrate`, and its migrations stay as they are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import page_roster
from command_runs import TIMEOUT, environment

PROJECT = Path(page_roster.__file__).with_name("page_project.py")


def run(folder, kind):
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "error", str(PROJECT), str(folder), kind],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """What the commands of a project with people say, and the answers of its page."""
    return run(tmp_path_factory.mktemp("people"), "people")


def test_there_is_nothing_to_migrate(project):
    assert project["makemigrations"] == ["No changes detected\n", 0]
    assert "No migrations to apply" in project["again"][0]


def test_migrate_makes_the_two_permissions_under_the_label_of_the_app(project):
    assert project["permissions"] == [
        ["close_openstream", "Can close open stream"],
        ["view_openstream", "Can view open stream"],
    ]


def test_a_user_with_the_permission_sees_the_page(project):
    assert project["answers"] == [403, 200]


@pytest.mark.parametrize("command", ["dumpdata", "dumpdata --all"])
def test_dumpdata_asks_for_no_table(project, command):
    text, code = project[command]
    assert (text.strip(), code) == ("[]", 0)


@pytest.mark.parametrize("command", ["migrate", "flush", "check", "check --deploy"])
def test_other_commands_go_on_as_before(project, command):
    assert project[command][1] == 0


def test_without_people_and_without_a_database_streams_are_as_before(tmp_path):
    found = run(tmp_path, "none")
    assert found["check"] == ["System check identified no issues (0 silenced).\n", 0]
    assert found["rows"] == "1\n2\n"
