"""Backends and bodies that are at work when something else happens: a signal, a kill, a timeout."""

from __future__ import annotations

from injected import Backend, Scope, close, step
from streaminstr import stream

MOMENTS = ["open", "start", "close"]


class Hit(Backend):
    """A backend that is at work when something else happens: `act` is called in one moment."""

    def __init__(self, moment, act):
        super().__init__()
        self.moment, self.act = moment, act

    def open(self, info):
        self.happen("open")
        self.scopes.append(HitScope(self.happen))
        return self.scopes[-1]

    def happen(self, moment):
        if moment == self.moment:
            self.moment = None
            self.act()


class HitScope(Scope):
    def __init__(self, happen):
        super().__init__()
        self.happen = happen

    def start(self):
        self.happen("start")
        return super().start()

    def close(self, report):
        super().close(report)
        self.happen("close")


def use(body_of, streams):
    """Make a stream, step it, and close it."""
    streams.append(stream(body_of(1, 2)))
    step(streams[0])
    close(streams[0])


def closed_as_started(recording):
    return all(one.is_closed == one.was_started for one in recording.streams)


def cleaning(act):
    """A body whose clean-up is at work when something happens."""
    try:
        yield 1
        yield 2
    finally:
        act()


async def async_cleaning(act):
    try:
        yield 1
        yield 2
    finally:
        act()
