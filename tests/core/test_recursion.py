"""A consumer deep in the stack: a few frames before the limit, each started scope closes once.

What is raised there is raised in the midst of the library, at the same place each time.
"""

import gc
import logging
import sys

import pytest

from core_fakes import AsyncIterator, Iterator
from differential.backends import in_force
from injected import Backend, close, forget_frames, let_go, step, wrong_scopes
from streaminstr import stream

pytestmark = pytest.mark.differential

ROOM = 200
"""Frames that are left before the limit where a test begins."""
MARGINS = range(1, 90)
"""Frames that are left where the stream is used."""


def depth():
    """How many frames there are."""
    frame, count = sys._getframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def deep(frames, function, *arguments):
    """Call `function` that many frames deeper."""
    return deep(frames - 1, function, *arguments) if frames else function(*arguments)


@pytest.fixture
def limited(monkeypatch):
    """A low limit; what cannot be logged near it is not shown."""
    monkeypatch.setattr(sys, "unraisablehook", lambda said: None)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + ROOM)
    yield
    sys.setrecursionlimit(before)


ACTS = {"first step": (0, step), "last step": (1, step), "close": (1, close)}


def scopes_at(margin, act, body_of):
    """What is wrong with the scopes of a stream that is used so few frames before the limit."""
    steps, function = ACTS[act]
    backends = Backend(), Backend()
    with in_force(*backends):
        streams = [stream(body_of(*[b"a"]))]
        for _ in range(steps):
            step(streams[0])
        try:
            deep(ROOM - margin, function, streams[0])
        except RecursionError as error:
            forget_frames(error)
        let_go(streams)
    return wrong_scopes(*backends)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("body_of", [Iterator, AsyncIterator])
@pytest.mark.parametrize("act", ACTS)
def test_a_stream_near_the_limit_loses_no_close(limited, act, body_of):
    gc.collect()
    gc.freeze()
    found = {margin: wrong for margin in MARGINS if (wrong := scopes_at(margin, act, body_of))}
    gc.unfreeze()
    assert found == {}
