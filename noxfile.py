"""The matrix and the checks. `nox -l` lists them; `.ci/run` runs those that CI needs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "typing", "tests"]

HERE = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
DJANGOS = {"5.2": "~=5.2.0", "6.0": "~=6.0.0", "6.1": "~=6.1.0"}
MATRIX = [
    nox.param(python, django, id=f"{python}-django{django}")
    for python in PYTHONS
    for django in DJANGOS
    if django == "5.2" or python != "3.11"  # Django 6 begins at Python 3.12
]
ASGIREFS = [  # the oldest that a Django allows, the last before Locals had a tag, the newest
    nox.param("3.11", "==3.8.1", "5.2", id="3.8.1-django5.2"),
    nox.param("3.12", "==3.9.1", "6.0", id="3.9.1-django6.0"),
    nox.param("3.11", "==3.11.1", "5.2", id="3.11.1-django5.2"),
    nox.param("3.12", "", "6.1", id="newest-django6.1"),
]
NEW_PIP = ("--upgrade", "pip")
"""Where two packages need the same release of each other and only one has it yet, the pip of Python
3.11 tries the older versions of all others first, for many minutes. A newer pip does not."""
LOWEST = (
    "django==5.2",
    "ddtrace==3.9.0",
    "opentelemetry-api==1.30.0",
    "opentelemetry-sdk==1.30.0",
    "prometheus-client==0.20.0",
    "structlog==22.1.0",
    "rich==13.7.0",
    "uvicorn==0.30.0",
)
REAL = (
    *("aiosqlite", "httpx", "openai", "anthropic", "psycopg[binary]", "pymemcache", "redis"),
    "zipstream-ng",
    *("whitenoise", "django-eventstream", "django-multitenant", "django-ninja", "django-silk"),
    *("fastapi", "logfire", "opentelemetry-instrumentation-fastapi", "sse-starlette"),
    *("elastic-apm", "newrelic", "sentry-sdk"),
    *("opentelemetry-instrumentation-flask", "opentelemetry-instrumentation-wsgi"),
    *("cheroot", "gunicorn", "hypercorn[trio]", "pyuwsgi", "uvicorn", "waitress"),
)
"""What the tests in tests/real use beside the development dependencies."""


@nox.session
@nox.parametrize(("python", "django"), MATRIX)
def tests(session: nox.Session, django: str) -> None:
    """The quick suite, over Pythons and Djangos."""
    session.install("-e", ".[dev]", f"django{DJANGOS[django]}")
    session.run("pytest", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """The quick suite with the lowest versions that pyproject.toml allows."""
    session.install("-e", ".[dev]", *LOWEST)
    session.run("pytest", *session.posargs)


@nox.session
@nox.parametrize(("python", "asgiref", "django"), ASGIREFS)
def asgiref(session: nox.Session, asgiref: str, django: str) -> None:
    """What a body sees and may do in each place, over versions of asgiref, whose names we use."""
    session.install("-e", ".[django]", f"asgiref{asgiref}", f"django{DJANGOS[django]}")
    session.install("anyio", "hypothesis", "pytest", "pytest-asyncio", "structlog")
    places = ("tests/core/test_asgiref.py", "tests/core/test_places.py")
    in_django = ("tests/django/test_places.py", "tests/django/test_connections.py")
    session.run("pytest", *places, *in_django, *session.posargs)


@nox.session
def no_vendors(session: nox.Session) -> None:
    """The core and the Django adapter where no vendor and no structlog is installed."""
    session.install("-e", ".[django]", "anyio", "hypothesis", "pytest", "pytest-asyncio")
    session.run("pytest", "tests/core", "tests/django", "tests/testing", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, all rules."""
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """The package in itself by mypy, and tests/typing as the checkers of its users see it."""
    session.install("-e", ".[dev]", "basedpyright", "pyright[nodejs]")
    session.run("mypy")
    session.run("pytest", "-m", "typing", "tests/typing", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, into docs/_build/html: what Sphinx warns of is an error, links within it too.

    `-- -b linkcheck` asks for the links that lead outside as well.
    """
    session.install("-e", ".[docs]")
    options = ("-q", "-W", "--keep-going", "-d", session.create_tmp())
    session.run("sphinx-build", *options, "docs", "docs/_build/html", *session.posargs)


COUNTED = "not (servers or real or typing or wire or deploys or browser or fleet)"
"""The quick suite, and the same programs with and without us."""


@nox.session
def coverage(session: nox.Session) -> None:
    """The quick suite, with every branch of the library run."""
    session.install("-e", ".[dev]")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-m", COUNTED, *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and, from it, the wheel; install that and run the suite without the sources."""
    with (
        TemporaryDirectory() as folder
    ):  # outside of the checkout, whose settings pytest would find
        built = Path(folder).resolve()
        session.install("build")
        session.run("python", "-m", "build", "--outdir", str(built), str(HERE))
        (wheel_file,) = built.glob("*.whl")
        session.install(f"streaminstr[dev] @ {wheel_file.as_uri()}")
        pages = (f"{page}.md" for page in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY"))
        code = ("tests", "docs", "speedups", "pyproject.toml", "noxfile.py")
        for part in (*code, *pages, "CODE_OF_CONDUCT.md", "LICENSE"):
            source, target = HERE / part, built / "away" / part
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        session.chdir(built / "away")
        session.run("pytest", *session.posargs)


@nox.session
def servers(session: nox.Session) -> None:
    """Real servers over real sockets; `-- --short` for the fewer of CI."""
    session.install("-e", ".[dev]", "daphne", "gevent", "granian", "gunicorn", "httptools")
    session.install("hypercorn", "pyuwsgi", "redis", "uvicorn", "uvloop", "waitress")
    session.run("pytest", "-m", "servers", "tests/servers", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The page of open streams in a browser; needs Debian's chromium and chromium-driver."""
    session.install("-e", ".[dev]", "selenium")
    session.run("pytest", "-m", "browser", "tests/page", *session.posargs)


@nox.session
def screenshots(session: nox.Session) -> None:
    """The pictures of docs/images, made anew from the running demo: look at each of them."""
    session.install("-e", ".[dev]", "pillow", "selenium")
    session.run("python", "tests/support/screenshots.py", *session.posargs)


@nox.session
def deploys(session: nox.Session) -> None:
    """Servers that are told to stop while streams are open; `-- --short` for the few of CI."""
    session.install("-e", ".[dev]", "daphne", "gevent", "granian", "gunicorn", "httptools")
    session.install("hypercorn", "uvicorn", "uvloop", "waitress")
    session.run("pytest", "-m", "deploys", "tests/deploys", *session.posargs)


@nox.session
def differential(session: nox.Session) -> None:
    """The same programs with and without us; interrupts at each call that the library makes."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "differential", *session.posargs)


@nox.session(python=PYTHONS)
def speedups(session: nox.Session) -> None:
    """The compiled step, built here: the tests of both forms, with it. Needs Debian's gcc."""
    session.install("-e", ".[dev]")
    session.install("--no-deps", "--force-reinstall", "./speedups")
    session.run("python", "-m", "streaminstr", "--version")
    folders = ("tests/core", "tests/nets", "tests/contract", "tests/django", "tests/starlette")
    session.run("pytest", *folders, *session.posargs)
    session.run(
        "pytest", "-m", "differential", "tests/differential", "tests/core", *session.posargs
    )


@nox.session
def speedups_long(session: nox.Session) -> None:
    """The compiled step under the sanitizers of gcc, and over a million streams of each ending."""
    session.install("-e", ".[dev]")
    session.install("--no-deps", "--force-reinstall", "./speedups")
    session.run("python", "tests/support/speedups_sanitized.py", "20000")
    session.run("python", "tests/support/speedups_endings.py", "1000000")


@nox.session
def real(session: nox.Session) -> None:
    """Other people's software without us and with us; needs redis-server, postgresql, memcached."""
    session.install(*NEW_PIP)
    session.install("-e", ".[dev]", *REAL)
    session.run("pytest", "-m", "real", "tests/real", *session.posargs)


@nox.session
def old_flask(session: nox.Session) -> None:
    """The same of the last Flask that begins the body of `stream_with_context` by itself."""
    session.install(*NEW_PIP)
    session.install("-e", ".[dev]", "flask==3.1.1", "opentelemetry-instrumentation-flask")
    session.run("pytest", "-m", "real", "tests/real/test_flask.py", *session.posargs)


@nox.session
def wire(session: nox.Session) -> None:
    """One scenario on both vendors, read back from receivers that are not ours."""
    session.install("-e", ".[dev]", "opentelemetry-exporter-otlp", "opentelemetry-distro")
    session.install("gunicorn")
    # It pins an older opentelemetry-proto than today's exporters: an environment of its own.
    agent = Path(session.create_tmp()).resolve() / "agent"
    session.run("python", "-m", "venv", str(agent), silent=True)
    scripts = agent / ("Scripts" if os.name == "nt" else "bin")
    session.run(
        *(str(scripts / "python"), "-m", "pip", "install", "-q", "ddapm-test-agent>=1.69"),
        external=True,
    )
    session.run(
        *("pytest", "-m", "wire", "tests/wire", *session.posargs),
        env={"TESTS_AGENT": str(scripts / "ddapm-test-agent")},
    )


@nox.session
def fleet(session: nox.Session) -> None:
    """Two hosts of four workers under load; needs Debian's redis-server and prometheus."""
    session.install("-e", ".[dev]", "gunicorn", "redis")
    session.run("pytest", "-m", "fleet", "tests/fleet", *session.posargs)


@nox.session
def sentry(session: nox.Session) -> None:
    """A third party's backend, installed beside the library, passes the contract."""
    session.install(".", "./docs/how-to/sentry-backend[test]")
    session.chdir("docs/how-to/sentry-backend")
    session.run("pytest", *session.posargs)


@nox.session
def old_structlog(session: nox.Session) -> None:
    """The thread-local mode as the last django-structlog of that kind has it."""
    session.install(
        *("-e", ".[opentelemetry,ddtrace,django,structlog]", "opentelemetry-sdk"),
        *("pytest", "pytest-asyncio", "django-structlog==2.2.0", "django-ipware"),
    )
    session.run("pytest", "tests/logs/old", *session.posargs)


@nox.session
@nox.parametrize("django", list(DJANGOS))
def django_suite(session: nox.Session, django: str) -> None:
    """Django's own tests, with the middleware put into every chain and without."""
    session.install("-e", ".[django]", f"django{DJANGOS[django]}", "jinja2")
    session.run("python", "tests/django/run_django_suite.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The tables and the plot of docs/explanation/speed.md, made anew."""
    session.run("python", "tests/benchmarks/run_all.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Two thousand streams at once on one server, a third of the clients leaving: two minutes."""
    session.install("-e", ".[dev]", "uvicorn")
    session.run("python", "tests/servers/soak.py", *session.posargs)
