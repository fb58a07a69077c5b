"""The servers that are restarted: how each is started, and its own option for a graceful end."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

GRACE = 1
"""Seconds of grace of the drain."""
TIMEOUT = 3
"""Seconds that the server's own option says: the drain comes to its end before."""


@dataclass(frozen=True)
class Kind:
    """A server: what to import to see that it is there, its protocol, its command line."""

    module: str
    protocol: str
    command: tuple[str, ...]
    option: str | None = None
    """Its own graceful timeout, None where it has none."""
    many: tuple[str, ...] = ()
    """What it needs besides for many streams at once."""

    def started(self, *, with_option=False, many=False):
        """The command line."""
        option = (self.option, str(TIMEOUT)) if with_option and self.option else ()
        more = self.many if many else ()
        return (*self.command, *option, *more, *self._application())

    def _application(self):
        return () if self.module == "django" else ("{app}",)


def _gunicorn(worker, *, module="gunicorn", protocol="wsgi", many=()):
    command = ("-m", "gunicorn", "-k", worker, "-b", "{host}:{port}")
    return Kind(module, protocol, command, "--graceful-timeout", many)


def _uvicorn(*more, module="uvicorn"):
    command = ("-m", "uvicorn", "--host", "{host}", "--port", "{port}", *more)
    return Kind(module, "asgi", command, "--timeout-graceful-shutdown")


def _hypercorn(*more):
    command = ("-m", "hypercorn", "-b", "{host}:{port}", *more)
    return Kind("hypercorn", "asgi", command, "--graceful-timeout")


def _granian(interface, *many):
    where = ("--host", "{host}", "--port", "{port}")
    command = ("-m", "granian", "--interface", interface, *where)
    return Kind("granian", interface, command, "--workers-kill-timeout", many)


_DAPHNE = ("-m", "daphne", "-b", "{host}", "-p", "{port}")
_RUNSERVER = ("-m", "deploy_site", "runserver", "--noreload", "{host}:{port}")
KINDS = {
    "gunicorn sync": _gunicorn("sync"),
    "gunicorn gthread": _gunicorn("gthread", many=("--threads", "400")),
    "gunicorn gevent": _gunicorn("gevent", module="gevent"),
    "granian wsgi": _granian("wsgi", "--blocking-threads", "400"),
    "waitress": Kind("waitress", "wsgi", ("-m", "waitress", "--listen", "{host}:{port}")),
    "runserver": Kind("django", "wsgi", _RUNSERVER),
    "uvicorn h11": _uvicorn("--loop", "asyncio", "--http", "h11"),
    "uvicorn httptools": _uvicorn("--loop", "uvloop", "--http", "httptools", module="httptools"),
    "uvicorn, 2 workers": _uvicorn("--workers", "2"),
    "gunicorn asgi": _gunicorn("asgi", protocol="asgi"),
    "gunicorn uvicorn": _gunicorn("uvicorn.workers.UvicornWorker", protocol="asgi"),
    "hypercorn": _hypercorn(),
    "hypercorn -w 0": _hypercorn("-w", "0"),
    "daphne": Kind("daphne", "asgi", _DAPHNE, "--application-close-timeout"),
    "granian asgi": _granian("asgi"),
}
SHORT = ("gunicorn gthread", "uvicorn h11", "uvicorn, 2 workers", "granian asgi")
"""Those of the short form."""


def is_missing(kind):
    return importlib.util.find_spec(kind.module) is None
