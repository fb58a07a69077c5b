"""Writes llms.txt beside the site: each page's title, address and first sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.nodes import clean_astext

if TYPE_CHECKING:
    from pathlib import Path

    from sphinx.application import Sphinx

NAME = "llms.txt"


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the file at the end of a build, as https://llmstxt.org proposes it."""
    if error is None and app.builder.format == "html":
        lines = [f"# {app.config.project}", "", f"> {summary(app, app.config.root_doc)}", ""]
        for section, pages in sections(app).items():
            lines += [f"## {section}", "", *(entry(app, page) for page in pages), ""]
        target: Path = app.outdir / NAME
        target.write_text("\n".join(lines))


def sections(app: Sphinx) -> dict[str, list[str]]:
    """The pages in the order of the table of contents, by the title of the page above them."""
    env = app.env
    found: dict[str, list[str]] = {}
    for top in env.toctree_includes[app.config.root_doc]:
        below = [page for page in walk(env.toctree_includes, top) if page != top]
        if below:
            found[title(app, top)] = below
        else:
            found.setdefault("Project", []).append(top)
    return found


def walk(includes: dict[str, list[str]], page: str) -> list[str]:
    """A page and all that are below it."""
    return [page, *(one for child in includes.get(page, []) for one in walk(includes, child))]


def entry(app: Sphinx, page: str) -> str:
    """One line of the file."""
    address = f"{app.config.html_baseurl}{app.builder.get_target_uri(page)}"
    return f"- [{title(app, page)}]({address}): {summary(app, page)}"


def title(app: Sphinx, page: str) -> str:
    """The title of a page."""
    return clean_astext(app.env.titles[page])


def summary(app: Sphinx, page: str) -> str:
    """The first sentence of a page."""
    first = next(iter(app.env.get_doctree(page).findall(nodes.paragraph)), None)
    text = "" if first is None else " ".join(first.astext().split())
    sentence, dot, _ = text.partition(". ")
    return f"{sentence}{dot.strip()}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx about it."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
