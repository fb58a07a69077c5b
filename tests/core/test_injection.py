"""An exception at each call that the library makes of itself: each started scope closes, once.

MemoryError and RecursionError come where a function is entered. KeyboardInterrupt, and what a
handler of signals raises, comes there and where a function in C has returned.
"""

import gc
import os
import signal
import sys
from math import inf

import pytest

from core_fakes import AsyncIterator, Iterator
from differential.backends import in_force
from injected import (
    Backend,
    Injection,
    close,
    forget_frames,
    let_go,
    prime,
    step,
    wrong_scopes,
)
from streaminstr import stream

pytestmark = pytest.mark.differential

ERRORS = [KeyboardInterrupt, MemoryError, RecursionError]
BODIES = {"sync": Iterator, "async": AsyncIterator}


MOMENTS = {
    # How many steps come before, the body's chunks and error, and what is interrupted.
    "making": (0, [1], None, None),
    "priming": (0, [1, 2], None, prime),
    "priming an empty body": (0, [], None, prime),
    "first step": (0, [1, 2], None, step),
    "later step": (1, [1, 2, 3], None, step),
    "cut": (1, [1, 2, 3], None, step),
    "exhaustion": (1, [1], None, step),
    "error": (1, [1], LookupError, step),
    "close": (1, [1, 2], None, close),
    "drop": (1, [1, 2], None, None),
}


BEFORE_A_FINALIZER = ("Ends.__del__", "entered")
"""Python calls it no second time, and nothing of ours has run yet."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Let what is raised in a finalizer be; collect nothing but what is new."""
    monkeypatch.setattr(sys, "unraisablehook", lambda said: None)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def attempt(injection, moment, body_of):
    """Do what is done at a moment with an injection; gives what came out, and what is left."""
    steps, chunks, error, act = MOMENTS[moment]
    streams, raised = [], None
    body = body_of(*chunks, error=error and error("of the body"))
    if moment != "making":
        streams.append(stream(body))
        for _ in range(steps):
            step(streams[0])
    if moment == "cut":
        life = streams[0]._life
        life.handle.progress.segments.ask(life)
    try:
        with injection.armed():
            if moment == "making":
                streams.append(stream(body))
            elif moment == "drop":
                streams.clear()
            else:
                act(streams[0])
    except BaseException as caught:  # noqa: BLE001 - it is what is injected
        raised = type(caught)
        forget_frames(caught)
    return raised, streams


def injections(moment, body_of, error, count):
    """One injection after the other, with what came out and its backends, until none is met."""
    at, injection = 0, None
    while injection is None or injection.where is not None:
        raised_there = error("injected") if isinstance(error, type) else error
        injection, backends = Injection(at, raised_there), [Backend() for _ in range(count)]
        with in_force(*backends, segment_interval=inf if moment == "cut" else None):
            raised, streams = attempt(injection, moment, body_of)
            let_go(streams)
        yield injection, raised, backends
        at += 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("count", [1, 2], ids=["one backend", "two backends"])
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_each_started_scope_is_closed_once_and_no_other(moment, kind, error, count):
    found = [
        (injection.where, scopes)
        for injection, _, backends in injections(moment, BODIES[kind], error, count)
        if (scopes := wrong_scopes(*backends))
    ]
    assert found == []


@pytest.fixture
def interrupt():
    """Sends this process a signal whose handler raises KeyboardInterrupt."""

    def handle(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR2, handle)
    yield lambda: signal.raise_signal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, before)


signals = pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" in os.environ, reason="signals are the main thread's"
)


@signals
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_leaves_no_started_scope_open(moment, kind, interrupt):
    found = [
        (injection.where, scopes)
        for injection, _, backends in injections(moment, BODIES[kind], interrupt, 2)
        if (scopes := wrong_scopes(*backends)) and injection.where != BEFORE_A_FINALIZER
    ]
    assert found == []


@signals
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("moment", sorted(set(MOMENTS) - {"drop"}))
def test_an_interrupt_gets_through(moment, kind, interrupt):
    """What comes out of a finalizer is Python's to show, and goes nowhere."""
    kept = [
        injection.where
        for injection, raised, _ in injections(moment, BODIES[kind], interrupt, 1)
        if injection.where is not None and raised is not KeyboardInterrupt
    ]
    assert kept == []


def test_there_are_calls_to_interrupt():
    for moment in MOMENTS:
        met = [one for one, _, _ in injections(moment, Iterator, KeyboardInterrupt, 1) if one.where]
        assert met, moment
