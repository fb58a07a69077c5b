"""What each server is expected to do, and why where nobody can know."""

from __future__ import annotations

import sys

from server_process import BACKENDS, FRAMEWORKS

NEVER_STEPPED = "no scope: the body was never asked for"
KILLED = "lost: SIGKILL"
GONE = "lost: the process ends at once"
RACE = "lost, or `cancelled`: the process ends as its tasks do"
BODILESS = "no scope: the answer has no body"
A_FILE = "no scope: a file has a length, and no body to wrap"
CUT = {
    *("FIN mid-stream", "RST mid-stream", "producer blocked", "slow reader leaves"),
    "RST of an event stream",
}
FAILED = {"exception mid-stream", "fail"}
BY_SERVER = {"open streams", "drain"}
"""What the application ends by itself, in our words."""
ENDS = {"SIGTERM inside grace", "SIGTERM past grace"}
NOTHING = {
    ("gunicorn", "SIGTERM past grace"): KILLED,
    ("granian", "SIGTERM past grace"): KILLED,
    ("runserver", "SIGTERM inside grace"): GONE,
    ("runserver", "SIGTERM past grace"): GONE,
    ("uvicorn", "SIGTERM past grace"): RACE,
}
"""Where the scope of a stream that was open may never be closed: server, scenario, reason."""


def outcomes(server, protocol, scenario, *, net):
    """The outcomes that may be seen; None among them: the scope may never be closed."""
    family = server.split()[0].strip(",")
    net = net or is_adapted(server)  # which has a net of its own
    by_client = " by client" if protocol == "asgi" and net else ""
    if scenario == "dropped response" or (is_adapted(server) and scenario in {"HEAD", "file"}):
        return {None}
    if scenario in FAILED:
        return {"failed"}
    if scenario in BY_SERVER:
        return {"cancelled by server"}
    if scenario in CUT or (scenario, family) == ("HEAD", "granian"):
        buffered = scenario == "slow reader leaves" and family in {"daphne", "granian"}
        return {f"cancelled{by_client}", "completed"} if buffered else {f"cancelled{by_client}"}
    if scenario in ENDS:
        at_the_end = _at_the_end(family, scenario, net=net)
        # hypercorn's workers on Python 3.11 tell Starlette of a disconnect, or cancel its task.
        is_told = is_adapted(server) and "cancelled by client" in at_the_end
        return {*at_the_end, "cancelled"} if is_told else at_the_end
    return {"completed"}


def is_adapted(server):
    """Whether the site is Starlette's or FastAPI's."""
    return server.endswith(tuple(FRAMEWORKS.values()))


def _at_the_end(family, scenario, *, net):
    by_server = "cancelled by server" if net else "cancelled"
    if family == "daphne":  # which knows no grace period; in Django 5.2 it is `atexit` that closes
        return {by_server, "cancelled by server"}
    if (family, scenario) == ("hypercorn", "SIGTERM past grace"):
        # From Python 3.12 on it waits in `Server.wait_closed`, before its own timeout begins. In
        # 3.11 it tells of a disconnect, and its workers, which get no SIGTERM, know no better.
        waits = sys.version_info >= (3, 12)
        return {"completed"} if waits else {"cancelled by client" if net else "cancelled"}
    if (family, scenario) in NOTHING:
        if net and family in {"gunicorn", "uvicorn"}:  # gunicorn with its hooks
            return {by_server}
        return {None, "cancelled"} if family == "uvicorn" else {None}
    return {"completed"}


def backends(server, scenario, *, net):
    """Who sees the end of a stream.

    ddtrace stops its tracer at SIGTERM, where the server does not take the signal over. The
    hooks of docs/how-to/deploy.md, which go with the net here, keep it at work.
    """
    stopped = scenario in ENDS and server.startswith("gunicorn") and not net
    return set(BACKENDS) - {"ddtrace"} if stopped else set(BACKENDS)


def reason(server, scenario):
    """Why nothing was closed."""
    if is_adapted(server) and scenario in {"HEAD", "file"}:
        return BODILESS if scenario == "HEAD" else A_FILE
    return NOTHING.get((server.split()[0], scenario), NEVER_STEPPED)


def patience(protocol, scenario):
    """Seconds within which a stream is closed once its client has gone.

    Under ASGI that is told at once. Under WSGI it is seen when a chunk is written, the second
    time at the latest, so a producer that is blocked has to come back first.
    """
    blocked = 1.0 if protocol == "wsgi" and scenario == "producer blocked" else 0.0
    return 3.0 + blocked  # for a machine that is busy; it is told in milliseconds
