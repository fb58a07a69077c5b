"""The site: docs/ as it lies, by Sphinx. `nox -s docs` builds it into docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

import django  # noqa: E402 - after sys.path, as what is below
from django.conf import settings  # noqa: E402

import streaminstr  # noqa: E402

# The API reference imports the modules for Django, some of which ask which apps are installed.
APPS = ["django.contrib.contenttypes", "django.contrib.auth", "streaminstr.django"]
settings.configure(INSTALLED_APPS=APPS)
django.setup()

project = "streaminstr"
author = "streaminstr developers"
project_copyright = "2026, the streaminstr developers"
version = release = streaminstr.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "docstrings",
    "llms",
]
exclude_patterns = ["_build", "how-to/sentry-backend", "examples"]

html_theme = "furo"
html_title = f"streaminstr {release}"
html_baseurl = "https://streaminstr.readthedocs.io/"
html_static_path = ["_static"]
html_css_files = ["streaminstr.css"]
html_theme_options = {
    "source_repository": "https://github.com/streaminstr/streaminstr/",
    "source_branch": "main",
    "source_directory": "docs/",
}
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_heading_anchors = 4  # links such as settings.md#filter, as on GitHub
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

nitpicky = True
default_role = "py:obj"  # `StreamInfo` in a docstring is a link where there is such a thing
nitpick_ignore_regex = [
    ("py:obj", ".*"),  # most of what stands between single backquotes is a piece of code
    # Annotations: the types of others, and those of ours that are private or variables.
    ("py:.*", r"(?!streaminstr\.).*|streaminstr\..*\b(_\w+|Chunk_?T(_co)?|\w*Decorator)\b.*"),
]

# A lexer that stumbles over a quoted line break tries again; Python blocks run as tests anyway.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
