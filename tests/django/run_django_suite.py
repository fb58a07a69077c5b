"""Django's own tests, with the middleware in every chain and without it.

    python tests/django/run_django_suite.py [--sdist PATH] [APP ...]

Downloads the source of the Django that is installed and runs, twice, the tests of what streams or
may be streamed. Exits with 1 when a test fails that passes without the middleware, when a stream
that was started was not closed exactly once, or when an error of ours was swallowed by anybody.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

APPS = (
    "asgi",
    "builtin_server",
    "cache",
    "conditional_processing",
    "context_processors",
    "csrf_tests",
    "decorators",
    "file_storage",
    "file_uploads",
    "generic_views",
    "gzip",
    "handlers",
    "httpwrappers",
    "i18n",
    "logging_tests",
    "middleware",
    "middleware_exceptions",
    "requests_tests",
    "responses",
    "servers",
    "sessions_tests",
    "shortcuts",
    "signals",
    "sitemaps_tests",
    "staticfiles_tests",
    "syndication_tests",
    "template_tests",
    "test_client",
    "test_client_regress",
    "urlpatterns_reverse",
    "utils_tests",
    "view_tests",
    "wsgi",
)
BAD = frozenset({"failure", "error"})
MIDDLEWARE = "streaminstr.django.middleware.StreamScopeMiddleware"


def main() -> int:
    """Run the tests twice, compare, print the figures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sdist", type=Path, help="an sdist of the installed Django")
    parser.add_argument("--inside", choices=("plain", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("apps", nargs="*", metavar="APP")
    asked = parser.parse_args()
    if asked.inside:
        return inside(asked.inside == "ours", asked.result, asked.apps)
    with tempfile.TemporaryDirectory() as folder:
        tests = unpack(asked.sdist or download(Path(folder)), Path(folder))
        apps = [app for app in asked.apps or APPS if (tests / app).is_dir()]
        return compare(run("plain", tests, apps), run("ours", tests, apps))


def download(folder: Path) -> Path:
    """The sdist of the Django that is installed here."""
    import django  # noqa: PLC0415 - the child processes import it in their own time

    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
    source = ("--no-binary", ":all:", "--dest", str(folder))
    subprocess.run([*pip, *source, f"django=={django.__version__}"], check=True)  # noqa: S603 - our own words
    (found,) = folder.glob("[dD]jango-*.tar.gz")
    return found


def unpack(sdist: Path, folder: Path) -> Path:
    """The sdist's folder of tests. Beside it no Django is left that could shadow the installed."""
    with tarfile.open(sdist) as archive:
        inner = [one for one in archive.getmembers() if "/tests/" in one.name]
        archive.extractall(folder, members=inner, filter="data")
    return next(folder.glob("*/tests"))


def run(mode: str, tests: Path, apps: list[str]) -> dict:
    """What came of one run, in a process of its own."""
    result = tests.parent / f"{mode}.json"
    command = (sys.executable, str(Path(__file__).resolve()), "--inside", mode)
    subprocess.run([*command, "--result", str(result), *apps], cwd=tests, check=False)  # noqa: S603 - ours
    return json.loads(result.read_text())


def compare(plain: dict, ours: dict) -> int:
    """Print the figures of both runs; 1 where ours is worse."""
    for title, one in (("without", plain), ("with", ours)):
        sys.stdout.write(f"{title}: {dict(Counter(one['tests'].values()))}\n")
    worse = sorted(
        name
        for name, result in ours["tests"].items()
        if result in BAD and plain["tests"].get(name) not in BAD
    )
    missing = sorted(set(plain["tests"]) - set(ours["tests"]))
    sys.stdout.write(f"streams: {ours['streams']}\n")
    for title, names in (
        ("fails with the middleware alone", worse),
        ("not run with the middleware", missing),
        ("not closed exactly once", ours["wrong"]),
        ("swallowed", ours["swallowed"]),
    ):
        sys.stdout.writelines(f"{title}: {name}\n" for name in names)
    return int(bool(worse or missing or ours["wrong"] or ours["swallowed"]))


def inside(with_ours: bool, result: Path, apps: list[str]) -> int:
    """Run Django's `runtests.py` here, and keep what became of each test."""
    import atexit  # noqa: PLC0415 - of the child process alone
    import runpy  # noqa: PLC0415 - as above

    found: dict = {"tests": {}, "streams": {}, "wrong": [], "swallowed": []}
    note_results(found["tests"])
    note_unraisable(found["swallowed"])
    backend = inject() if with_ours else None
    atexit.register(lambda: finish(found, backend, result))
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = ["runtests.py", "--parallel=1", "--noinput", *apps]
    runpy.run_path("runtests.py", run_name="__main__")
    return 0


def note_results(tests: dict[str, str]) -> None:
    """Have unittest write down each test's worst result."""
    from unittest import TextTestResult  # noqa: PLC0415 - of the child process alone

    def noting(method: str, kind: str) -> None:
        original = getattr(TextTestResult, method)

        def note(self, test, *details):
            if tests.get(test.id()) not in BAD:
                tests[test.id()] = kind
            return original(self, test, *details)

        setattr(TextTestResult, method, note)

    for kind in ("Success", "Failure", "Error", "Skip", "ExpectedFailure"):
        noting(f"add{kind}", kind.lower())

    original = TextTestResult.addSubTest

    def note_sub_test(self, test, subtest, error):
        if error is not None:
            tests[test.id()] = "failure"
        return original(self, test, subtest, error)

    TextTestResult.addSubTest = note_sub_test


def note_unraisable(swallowed: list[str]) -> None:
    """Have Python write down what of ours was raised where nobody could catch it."""
    import traceback  # noqa: PLC0415 - of the child process alone

    original = sys.unraisablehook

    def note(unraisable) -> None:
        told = "".join(traceback.format_tb(unraisable.exc_traceback))
        if "streaminstr" in f"{told}{unraisable.object!r}":
            swallowed.append(f"unraisable: {unraisable.exc_value!r} in {unraisable.object!r}")
        original(unraisable)

    sys.unraisablehook = note


def inject():
    """List the middleware last in each chain that a handler loads; the backend that sees it all."""
    from django.conf import settings  # noqa: PLC0415 - of the child process alone
    from django.core.handlers import base  # noqa: PLC0415 - as above

    import streaminstr  # noqa: PLC0415 - as above
    from streaminstr.testing import RecordingBackend  # noqa: PLC0415 - as above

    class Settings:
        def __getattr__(self, name):
            value = getattr(settings, name)
            return [*value, MIDDLEWARE] if name == "MIDDLEWARE" else value

    base.settings = Settings()
    backend = RecordingBackend()
    streaminstr.configure(backend, log_levels=dict.fromkeys(streaminstr.Outcome))
    return backend


def finish(found: dict, backend, result: Path) -> None:
    """Write down what has become of the tests and of the streams."""
    import gc  # noqa: PLC0415 - of the child process alone

    gc.collect()
    if backend is not None:
        from streaminstr._calls.guard import errors  # noqa: PLC0415 - as above

        outcomes = Counter(str(one.outcome) for one in backend.closed)
        found["streams"] = {
            "made": len(backend.streams),
            "started": len(backend.started),
            **outcomes,
        }
        found["wrong"] = [
            f"{one.name}: {one.events}"
            for one in backend.started
            if one.events != ["open", "start", "close"]
        ]
        found["swallowed"] += [f"{kind} ({times})" for kind, times in errors.items()]
    result.write_text(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
