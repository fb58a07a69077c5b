"""What clients do to a server, and what the server's streams have told of it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field

from server_process import Client, Server


@dataclass(frozen=True)
class Observation:
    """One stream: how often it was started and closed, and how, as each backend saw it."""

    starts: int
    closes: dict[str, int]
    """By backend."""
    outcomes: set[tuple[str, str | None]]
    """Outcome and cause; more than one where the backends disagree."""
    chunks: set[int]
    size: set[int]
    zero_copy: bool
    delay: float | None
    """Seconds from what the client did, or the signal, to the close."""
    events: set[tuple[int, int]] = field(default_factory=set)
    """Events and pings, of an event stream."""
    reason: str | None = None
    """Why it was closed, where that was said."""
    logged: tuple[dict, ...] = ()
    """The lines that the body has logged."""
    left: tuple[dict, ...] = ()
    """What was current in the server's code, and should not have been."""
    answer: bytes = field(repr=False, default=b"")
    exit_status: int | None = None

    @property
    def outcome(self):
        """`completed`, `cancelled by client`, or None where nothing was closed."""
        for outcome, cause in self.outcomes:
            return f"{outcome} by {cause}" if cause else outcome
        return None


def observe(lines, *, since, answer=b"", exit_status=None):
    closes = [line for line in lines if line["event"] == "close"]
    backends = [line["backend"] for line in closes]
    return Observation(
        starts=sum(line["event"] == "start" for line in lines),
        closes={backend: backends.count(backend) for backend in backends},
        outcomes={(line["outcome"], line.get("cancelled_by")) for line in closes},
        chunks={int(line["chunks"]) for line in closes},
        size={int(line["bytes"]) for line in closes},
        zero_copy=any("zero_copy" in line for line in closes),
        delay=closes[0]["at"] - since if closes else None,
        events={(line["events"], line["pings"]) for line in closes if "events" in line},
        reason=next((line["close_reason"] for line in closes if "close_reason" in line), None),
        logged=tuple(line for line in lines if line["event"] == "log"),
        left=tuple(line for line in lines if line["event"] == "leak"),
        answer=answer,
        exit_status=exit_status,
    )


class Visit:
    """One request of one scenario, and what became of it."""

    def __init__(self, server, scenario, body, *, crossed=False, **options):
        is_async = (server.kind.protocol == "asgi") is not crossed
        self.server = server
        mode = "async" if is_async else "sync"
        self.path = f"/file/{scenario}" if body == "file" else f"/{mode}/{body}/{scenario}"
        self.client = Client(server.address, self.path, **options)

    def observed(self, since=None, answer=b"", event="close", **options):
        since = time.monotonic() if since is None else since
        return observe(
            self.server.wait_for(self.path, event, **options), since=since, answer=answer
        )

    def read(self, **options):
        with self.client:
            answer = self.client.read_all()
        return self.observed(answer=answer, **options)


def full_read(server):
    return Visit(server, "full-read", "full").read()


def fin(server):
    visit = Visit(server, "fin", "drip")
    visit.client.read_until(b"drip")
    since = time.monotonic()
    visit.client.socket.close()
    return visit.observed(since)


def rst(server):
    visit = Visit(server, "rst", "drip")
    visit.client.read_until(b"drip")
    since = time.monotonic()
    visit.client.reset()
    return visit.observed(since)


def producer_blocked(server):
    visit = Visit(server, "producer-blocked", "blocks")
    visit.client.read_until(b"first")
    since = time.monotonic()
    visit.client.reset()
    return visit.observed(since)


def exception(server):
    visit = Visit(server, "exception", "fails")
    answer = visit.client.read_until(b"drip")
    with visit.client:
        return visit.observed(answer=answer)


def head(server):
    return Visit(server, "head", "full", method="HEAD").read(**_patience(server))


def _patience(server):
    """Where there is no scope, a short while in which none comes."""
    return {} if server.kind.framework == "django" else {"patience": 0.2}


def slow_reader(server):
    visit = Visit(server, "slow-reader", "big", buffer=65536)
    time.sleep(0.5)
    return visit.read()


def slow_reader_leaves(server):
    visit = Visit(server, "slow-reader-leaves", "big", buffer=65536)
    visit.client.read_until(b"x")
    time.sleep(0.5)
    since = time.monotonic()
    visit.client.reset()
    return visit.observed(since)


def dropped(server):
    visit = Visit(server, "dropped", "dropped")
    with visit.client:
        answer = visit.client.read_all()
    return visit.observed(answer=answer, patience=0)


def gzip_outside(server):
    return Visit(server, "gzip-outside", "full", headers=["Accept-Encoding: gzip"]).read()


def file(server):
    return Visit(server, "file", "file").read(**_patience(server))


def other_kind(server):
    return Visit(server, "other-kind", "full", crossed=True).read()


def isolation(server):
    """Two at once, where the server can."""
    visits = [Visit(server, f"isolation-{name}", "isolated") for name in ("a", "b")]
    answers = []
    for visit in visits:
        with visit.client:
            answers.append(visit.client.read_all())
    return visits[0].observed(answer=b"".join(answers))


def logging(server):
    return Visit(server, "logging", "logs").read()


def pings(server):
    return Visit(server, "pings", "pings").read()


def events_rst(server):
    visit = Visit(server, "events-rst", "ticks")
    visit.client.read_until(b"data: ")
    since = time.monotonic()
    visit.client.reset()
    return visit.observed(since)


def fail(server):
    return Visit(server, "fail", "says").read()


def open_streams(server):
    return Visit(server, "open-streams", "open").read()


def drain(server):
    """The last of a server: it drains from then on."""
    yield "drain", Visit(server, "drain", "drains").read()


def sigterm(server):
    """Both at once: a stream that ends inside of the grace period, one that would not."""
    inside = Visit(server, "sigterm-inside", "short")
    inside.client.read_until(b"drip")
    past = None if server.kind.takes_one else Visit(server, "sigterm-past", "drip")
    if past is not None:
        past.client.read_until(b"drip")
    yield from _terminated(server, {"SIGTERM inside grace": inside, "SIGTERM past grace": past})


def sigterm_past(server):
    """The second of them alone, for a server that takes one at a time."""
    past = Visit(server, "sigterm-past", "drip")
    past.client.read_until(b"drip")
    yield from _terminated(server, {"SIGTERM past grace": past})


def _terminated(server, visits):
    since = server.terminate()
    status = server.wait_for_end()
    for scenario, visit in visits.items():
        if visit is not None:
            with visit.client, contextlib.suppress(OSError):
                lines = server.wait_for(visit.path, "close", patience=0)
                yield scenario, observe(lines, since=since, exit_status=status)


SCENARIOS = {
    "full read": full_read,
    "FIN mid-stream": fin,
    "RST mid-stream": rst,
    "producer blocked": producer_blocked,
    "exception mid-stream": exception,
    "HEAD": head,
    "slow reader": slow_reader,
    "slow reader leaves": slow_reader_leaves,
    "dropped response": dropped,
    "gzip outside": gzip_outside,
    "file": file,
    "body of the other kind": other_kind,
    "isolation": isolation,
    "logging": logging,
    "pings": pings,
    "RST of an event stream": events_rst,
    "fail": fail,
    "open streams": open_streams,
}
NAMES = [*SCENARIOS, "drain", "SIGTERM inside grace", "SIGTERM past grace"]


def run_all(kind, *, net, folder):
    """Every scenario, by name, each of those that end a server on one of its own."""
    lasts = [sigterm, drain, sigterm_past] if kind.takes_one else [sigterm, drain]
    observed = {}
    for last in lasts:
        with Server(kind, net=net, folder=folder) as server:
            if last is sigterm:
                observed.update((name, scenario(server)) for name, scenario in SCENARIOS.items())
            observed.update(last(server))
    return observed
