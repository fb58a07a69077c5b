"""What a project says of itself in more than one place is the same in all of them."""

import json
import re
import subprocess
import sys
import tomllib

import pytest

import documents
import streaminstr

pytest.importorskip("nox")
version_table = pytest.importorskip("version_table")

RELEASES = re.compile(r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", re.MULTILINE)
PROJECT = tomllib.loads((documents.ROOT / "pyproject.toml").read_text())["project"]


def changelog():
    return (documents.ROOT / "CHANGELOG.md").read_text()


def test_the_newest_release_in_the_changelog_is_this_version():
    assert RELEASES.findall(changelog())[0] == streaminstr.__version__


def test_each_release_has_a_date_and_a_link():
    titles = set(re.findall(r"^## \[(.+?)\]", changelog(), re.MULTILINE))
    assert titles == {"Unreleased", *RELEASES.findall(changelog())}
    assert titles == set(re.findall(r"^\[(.+?)\]: https://", changelog(), re.MULTILINE))


def test_the_page_of_compatibility_has_the_versions_that_nox_runs():
    """Otherwise: python tests/support/version_table.py."""
    assert version_table.PAGE.read_text() == version_table.page()


def test_the_classifiers_name_the_djangos_that_nox_runs():
    found = re.findall(r"Framework :: Django :: ([\d.]+)", "\n".join(PROJECT["classifiers"]))
    assert found == list(version_table.noxfile()["DJANGOS"])


def test_django_s_own_tests_run_on_each_django():
    """Nox takes a dict for one parameter."""
    command = (sys.executable, "-m", "nox", "--list", "--json", "--sessions", "django_suite")
    listed = subprocess.run(command, cwd=documents.ROOT, capture_output=True, check=True)  # noqa: S603
    djangos = [one["call_spec"]["django"] for one in json.loads(listed.stdout)]
    assert djangos == list(version_table.noxfile()["DJANGOS"])


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"])
def test_links_of_the_pages_at_the_root_lead_somewhere(name):
    page = documents.ROOT / name
    assert documents.broken_links(page) == []
    assert documents.broken_addresses(page.read_text()) == []
