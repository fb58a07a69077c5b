"""A vendor's agent at work in this process, without us or with us; prints what it reports.

    python real_beside.py sentry|elastic|newrelic [ours]

Agents patch what they instrument for the rest of the process: this is one of its own.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

VISITS = [
    ("django-asgi", ("full", "fails", "waits", "sends")),
    ("django-wsgi", ("full", "fails", "leaves")),
    ("starlette", ("full", "fails", "waits", "refused")),
    ("flask", ("full", "fails", "leaves")),
]


def sites(agent):
    import real_django  # noqa: PLC0415 - after the agent
    import real_flask  # noqa: PLC0415
    import real_rows  # noqa: PLC0415
    import real_starlette  # noqa: PLC0415
    from real_app import App  # noqa: PLC0415

    real_django.prepare(Path(tempfile.mkdtemp()))
    asgi = {"around": agent.asgi, "middleware": agent.DJANGO_MIDDLEWARE}
    wsgi = {**asgi, "around": agent.wsgi, "protocol": "wsgi"}
    return {
        "django-asgi": real_django.Django(real_rows.async_rows, **asgi),
        "django-wsgi": real_django.Django(real_rows.rows, **wsgi),
        "starlette": App(lambda: agent.starlette(real_starlette.app()), "asgi"),
        "flask": App(lambda: agent.flask(real_flask.app()), "wsgi"),
    }


def main(name, *, ours):
    agent = import_module(f"real_beside_{name}")
    agent.start()
    from real_check import visit  # noqa: PLC0415 - after the agent

    programs, seen = sites(agent), {}
    gc.collect()
    gc.freeze()  # as in tests/real/conftest.py
    for program, endings in VISITS:
        for ending in endings:
            agent.reports.clear()
            told = visit(programs[program], ending, ours=ours)
            agent.flush()
            seen[f"{program} {ending}"] = {
                "seen": asdict(told.seen),
                "trouble": told.trouble,
                "streams": told.recorder.streams,
                "reports": agent.reports.copy(),
            }
    sys.stdout.write(json.dumps(seen, default=repr))


if __name__ == "__main__":
    main(sys.argv[1], ours="ours" in sys.argv)
