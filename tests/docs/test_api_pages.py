"""The API reference leaves no public module and no public name of the package out."""

from pathlib import Path

import pytest

import documents
import streaminstr

PACKAGE = Path(streaminstr.__file__).parent
PAGES = sorted((documents.ROOT / "docs/reference/api").glob("*.md"))
TEXT = "\n".join(page.read_text() for page in PAGES)
INSIDE = {"command", "demo", "apps", "log"}
"""Not for use in code: commands, what Django finds by itself, and what `log` settings name."""
DJANGO = ("decorators", "middleware", "signals", "urls", "views")


def public_modules():
    paths = (path for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir())
    return sorted({path.stem for path in paths if path.stem[0] not in "_."} - INSIDE)


@pytest.mark.parametrize("module", public_modules())
def test_each_public_module_has_a_page(module):
    assert f"# streaminstr.{module}" in TEXT or f":: streaminstr.{module}\n" in TEXT


@pytest.mark.parametrize("module", DJANGO)
def test_each_public_module_for_django_is_on_its_page(module):
    assert f"automodule:: streaminstr.django.{module}\n" in TEXT


@pytest.mark.parametrize("name", streaminstr.__all__)
def test_each_name_of_the_package_is_described_or_named(name):
    page = (documents.ROOT / "docs/reference/api/streaminstr.md").read_text()
    assert f"autofunction:: {name}\n" in page or f"`{name}`" in page
