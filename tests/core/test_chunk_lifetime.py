"""A chunk belongs to the body and to who has asked for it: a stream keeps none after its step."""

import gc
import threading
import weakref

import pytest

from core_fakes import AsyncIterator, Iterator
from differential.backends import in_force
from injected import Backend, Scope, close, step
from parked import LONG
from streaminstr import stream


class Chunk:
    """What a weak reference can be taken of."""


class Shown(Scope):
    """Sets `shown` each time that its progress is shown."""

    def __init__(self):
        super().__init__()
        self.shown = threading.Event()

    def progress(self, report):
        self.shown.set()


KINDS = pytest.mark.parametrize("body_of", [Iterator, AsyncIterator])


@pytest.fixture(autouse=True)
def no_collector():
    """What goes, goes with its last reference."""
    gc.disable()
    yield
    gc.enable()


@KINDS
def test_a_chunk_goes_with_its_last_reference(body_of):
    chunks = [Chunk(), Chunk()]
    known = weakref.ref(chunks[0])
    with in_force(Backend()):
        made = stream(body_of(*chunks))
        chunks.clear()
        assert step(made) is known()
        assert known() is None
        close(made)


@KINDS
def test_a_chunk_goes_too_when_its_stream_was_looked_at_meanwhile(body_of):
    """To look at the local variables of a frame keeps what they are, on Python 3.11 and 3.12."""
    chunks = [Chunk(), Chunk(), Chunk()]
    known = weakref.ref(chunks[0])
    backend = Backend(Shown)
    with in_force(backend, progress_interval=0.001):
        made = stream(body_of(*chunks))
        chunks.clear()
        step(made)
        assert backend.scopes[0].shown.wait(LONG)
        step(made)
        assert known() is None
        close(made)
