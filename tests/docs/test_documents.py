"""Every Python block of README.md and docs/ runs, page by page, from top to bottom."""

import pytest

import documents

NO_TESTS = 5
"""Exit code of pytest for a page that has no tests in it, and ran."""
MAY_SKIP = 0.1
"""Share of all Python blocks that may be marked as not to be run."""

pages = pytest.mark.parametrize("page", documents.PAGES, ids=documents.name_of)


@pages
def test_the_python_of_a_page_runs(page, tmp_path):
    source, _ = documents.program(page.read_text())
    done = documents.run(source, tmp_path)
    assert done.returncode in (0, NO_TESTS), done.stdout + done.stderr


@pages
def test_links_within_the_project_lead_somewhere(page):
    assert documents.broken_links(page) == []


@pytest.mark.parametrize("page", ["README.md", "pyproject.toml"])
def test_addresses_of_the_site_and_of_the_repository_lead_somewhere(page):
    """The site is built from docs/, and a package index shows the README alone."""
    text = (documents.ROOT / page).read_text()
    assert documents.broken_addresses(text) == []
    assert documents.SITE.search(text)


def test_the_readme_is_short_and_has_absolute_links_alone():
    text = (documents.ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert documents.LINK.findall(text) == []


def test_few_blocks_are_not_run():
    texts = [page.read_text() for page in documents.PAGES]
    skipped = sum(documents.program(text)[1] for text in texts)
    assert skipped <= MAY_SKIP * sum(map(documents.blocks, texts))


@pages
def test_no_block_is_missed_for_the_way_it_is_written(page):
    """A block that begins with anything but the bare line "```python" would not be run."""
    text = page.read_text()
    assert text.splitlines().count("```python") == documents.blocks(text)


def test_a_page_that_fails_is_noticed(tmp_path):
    source, _ = documents.program("# Title\n\n```python\nassert 1 == 2\n```\n")
    done = documents.run(source, tmp_path)
    assert done.returncode not in (0, NO_TESTS)
    assert "page.py:4" in done.stdout


def test_a_test_in_a_page_is_run(tmp_path):
    source, _ = documents.program("```python\ndef test_it(streams):\n    streams.one()\n```\n")
    assert documents.run(source, tmp_path).returncode == 1


def test_a_block_that_is_marked_is_not_run():
    text = "<!-- not run: needs an agent -->\n\n```python\n1 / 0\n```\n\n```python\nx = 1\n```\n"
    assert documents.program(text) == ("\n\n\n\n\n\n\nx = 1\n\n", 1)


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[a](page.md) [b](nowhere.md#x) [c](https://example.org) [d](#x)")
    assert documents.broken_links(page) == ["nowhere.md"]


@pytest.mark.parametrize(
    ("address", "broken"),
    [
        ("https://streaminstr.readthedocs.io/", 0),
        ("https://streaminstr.readthedocs.io/reference/settings.html#filter", 0),
        ("https://streaminstr.readthedocs.io/reference/settings.html#no", 1),
        ("https://streaminstr.readthedocs.io/nowhere.html", 1),
        ("https://github.com/streaminstr/streaminstr/issues", 0),
        ("https://github.com/streaminstr/streaminstr/blob/main/LICENSE", 0),
        ("https://raw.githubusercontent.com/streaminstr/streaminstr/main/nowhere.png", 1),
    ],
)
def test_an_address_that_leads_nowhere_is_found(address, broken):
    assert len(documents.broken_addresses(f"[a]({address})")) == broken
