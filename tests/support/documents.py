"""Pages of documentation as programs: their Python blocks, at the lines where they stand."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
TIMEOUT = 120
FILES = {
    # No Django plugin: a page makes its own settings.
    "pytest.ini": """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
addopts = -q -p no:cacheprovider -p pytest_asyncio.plugin -p streaminstr.testing.plugin
""",
    "shop/__init__.py": "",
    "shop/settings.py": """
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["streaminstr.django"]
MIDDLEWARE = ["streaminstr.django.middleware.StreamScopeMiddleware"]
ROOT_URLCONF = "shop.urls"
""",
    "shop/urls.py": "urlpatterns = []",
    "real_model.py": Path(__file__).with_name("real_model.py").read_text(),
}
"""What is beside a page: pytest's settings, the Django project that pages speak of, and a model."""
CHANGES = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_AGENT_URL": "unix:///nowhere/agent.socket",
}
"""Environment in which pytest loads what is named above, and ddtrace looks for no agent."""
NOT_RUN = re.compile(r"<!-- not run: .+ -->")
SITE = re.compile(r"https://streaminstr\.readthedocs\.io/([^)\s\"]*)")
REPOSITORY = re.compile(
    r"https://(?:github\.com|raw\.githubusercontent\.com)/streaminstr/streaminstr"
    r"(?:/(?:blob/|tree/)?main/([^)\s\"]+))?"
)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def program(text):
    """The Python blocks that are to be run, each on its own lines, and how many are not.

    A block inside of an HTML comment is run, and not shown to readers.
    """
    lines, keeps, skipped, before = [], None, 0, ""
    for line in text.splitlines():
        opens = keeps is None and line == "```python"
        closes = keeps is not None and line == "```"
        lines.append(line if keeps and not closes else "")
        if opens:
            keeps = not NOT_RUN.fullmatch(before)
            skipped += not keeps
        elif closes:
            keeps = None
        before = line or before
    return "\n".join(lines) + "\n", skipped


def function_of(page, name, **names):
    """A function as a page has it, with `names` as its module's."""
    source, _ = program((ROOT / page).read_text())
    found = [node for node in ast.parse(source).body if getattr(node, "name", None) == name]
    exec(compile(ast.Module(found, []), page, "exec"), names)  # noqa: S102 - our own page
    return names[name]


def blocks(text):
    """How many Python blocks there are, wherever they begin."""
    return len(re.findall(r"^\s*```py(?!con)", text, re.MULTILINE))


def run(source, folder):
    """Import `source` as the module `page`, and run the tests in it, in a process of its own."""
    for name, text in {**FILES, "page.py": source}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    environment = os.environ | CHANGES
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "page.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def anchors(page):
    """The anchors of a page's headings, as the site and GitHub make them."""
    words = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(page.read_text()))
    return {title.replace(" ", "-") for title in words}


def is_on_site(link):
    """Whether docs/ has the page, and the anchor, that a link into the site names."""
    path, _, anchor = link.partition("#")
    page = ROOT / "docs" / (path or "index.html").replace(".html", ".md")
    return page.is_file() and (not anchor or anchor in anchors(page))


def broken_addresses(text):
    """The absolute links into the site or the repository that name nothing there."""
    pages = [link for link in SITE.findall(text) if not is_on_site(link)]
    files = [link for link in REPOSITORY.findall(text) if not (ROOT / link).exists()]
    return pages + files


def broken_links(page):
    """The relative links of a page that lead nowhere."""
    return [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
