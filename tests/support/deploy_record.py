"""What `deploy_site` writes down: a module of its own, which the site's settings can import."""

from __future__ import annotations

import json
import os
import time


def write(event, name, **more):
    """One line, in one write: what happened to the stream of that name."""
    line = {"event": event, "path": name, "pid": os.getpid(), "at": time.monotonic(), **more}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    file = os.open(os.environ["DEPLOY_RECORD"], flags, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


class RecordBackend:
    def open(self, info):
        return RecordScope(info.attributes["url.path"])


class RecordScope:
    def __init__(self, name):
        self.name = name

    def start(self):
        write("start", self.name)
        return {}

    def close(self, report):
        outcome, cause = str(report.outcome), report.cancelled_by
        write("close", self.name, outcome=outcome, cancelled_by=cause, chunks=report.chunks)
