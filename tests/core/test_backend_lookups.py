"""To look something up on a backend is to run its code: guarded like its calls, logged once."""

import gc
import logging
import threading
import weakref
from collections.abc import Mapping

import pytest

import streaminstr
from core_fakes import AsyncIterator, Iterator
from differential.backends import in_force
from injected import Backend, Scope, step, wrong_scopes
from parked import LONG
from streaminstr import stream
from streaminstr.testing import RecordingBackend


class Refusal(Exception):
    """What look-ups raise."""


def after(count, value):
    """A property that raises from its look-up number `count` on; before, it is `value(self)`."""

    def look_up(self):
        self.look_ups = getattr(self, "look_ups", 0) + 1
        if self.look_ups > count:
            raise Refusal
        return lambda *given: value(self, *given)

    return property(look_up)


class Fields(Mapping):
    """Fields that say they are there, and cannot be had."""

    def __iter__(self):
        return iter(["shop"])

    def __len__(self):
        return 1

    def __getitem__(self, name):
        raise Refusal


class UnreadableFields(Scope):
    def start(self):
        super().start()
        return Fields()


class Uncountable(Fields):
    def __iter__(self):
        raise Refusal


class UncountableFields(Scope):
    def start(self):
        super().start()
        return Uncountable()


class Nameless(Mapping):
    """A mapping that refuses even to say what it is."""

    @property
    def __class__(self):
        raise Refusal

    __iter__ = __len__ = __getitem__ = None


class NamelessFields(Scope):
    def start(self):
        super().start()
        return Nameless()


class NoClose(Scope):
    close = property(lambda self: (_ for _ in ()).throw(Refusal))


class CloseGoes(Scope):
    close = after(1, Scope.close)


class CloseGoesLater(Scope):
    close = after(2, Scope.close)


class StartGoes(Scope):
    start = after(1, Scope.start)


class GoesWhenStarted(Scope):
    """Refuses all look-ups as soon as it was started."""

    def __getattribute__(self, name):
        calls = object.__getattribute__(self, "__dict__").get("calls", ())
        if calls and name != "calls":
            raise Refusal
        return super().__getattribute__(name)


class Unhashable(Scope):
    __hash__ = None

    def __eq__(self, other):
        raise Refusal

    def __bool__(self):
        raise Refusal

    def __len__(self):
        raise Refusal


class UnhashableType(type):
    def __hash__(cls):
        raise Refusal


class OfUnhashableType(Scope, metaclass=UnhashableType):
    pass


class Proxied:
    """A backend whose scopes are held by nobody when they are to be closed."""

    def open(self, info):
        self.held = Scope()
        return weakref.proxy(self.held)


class OpenGoes(Backend):
    open = after(1, Backend.open)


SCOPES = [
    UnreadableFields,
    UncountableFields,
    NamelessFields,
    NoClose,
    CloseGoes,
    CloseGoesLater,
    StartGoes,
    GoesWhenStarted,
    Unhashable,
    OfUnhashableType,
]
BACKENDS = {
    **{scope.__name__: lambda scope=scope: Backend(scope) for scope in SCOPES},
    "Proxied": Proxied,
    "OpenGoes": OpenGoes,
}
ENDS = {
    "exhausted": lambda made: step(made),
    "closed": lambda made: made.close(),
    "dropped": lambda made: None,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("body_of", [Iterator, AsyncIterator])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
def test_a_look_up_that_raises_changes_nothing(order, name, body_of, end):
    """Not for the body, not for the backend beside it; the response goes on."""
    faulty, healthy = BACKENDS[name](), RecordingBackend()
    with in_force(*[faulty, healthy][::order]):
        made = stream(body_of(1))
        assert step(made) == 1
        faulty.__dict__.pop("held", None)
        ENDS[end](made)
        del made
        gc.collect()
        streaminstr.shutdown(0.1)
    assert [one.events for one in healthy.streams] == [["open", "start", "close"]]


@pytest.mark.parametrize(
    "scope", [UnreadableFields, UncountableFields, NamelessFields, Unhashable, OfUnhashableType]
)
def test_a_scope_that_can_be_closed_is_closed(scope):
    backend = Backend(scope)
    with in_force(backend):
        assert list(stream([1])) == [1]
    assert wrong_scopes(backend) == []
    assert [one.calls for one in backend.scopes] == [("start", "close")]


def test_what_a_look_up_raises_is_logged(caplog):
    class Unheard(Refusal):
        pass

    class Lazy(Scope):
        def fail(self):
            raise Unheard

        close = after(1, Scope.close)
        start = property(fail)

    with in_force(Backend(Lazy)):
        assert list(stream([1])) == [1]
    assert [one for one in caplog.records if one.levelno == logging.ERROR]


# `progress` and `flush`, which are looked for where a stream is open and where a process ends.


class NoProgress(Scope):
    progress = property(lambda self: (_ for _ in ()).throw(Refusal))


class Shown(Scope):
    """Sets `shown` when its progress is shown."""

    def __init__(self):
        super().__init__()
        self.shown = threading.Event()

    def progress(self, report):
        self.shown.set()


def test_progress_goes_on_after_a_look_up_that_raises():
    """The thread is the process's: one faulty scope must not be its end."""
    faulty, healthy = Backend(NoProgress), Backend(Shown)
    with in_force(faulty, healthy, progress_interval=0.001):
        for _ in range(2):
            with stream([1, 2]) as made:
                assert next(made) == 1
                assert healthy.scopes[-1].shown.wait(LONG / 6)


def test_shutdown_goes_on_after_a_look_up_that_raises():
    flushed = []

    class NoFlush(Backend):
        flush = property(lambda self: (_ for _ in ()).throw(Refusal))

    class Flushes(Backend):
        def flush(self, timeout):
            flushed.append(timeout)

    with in_force(NoFlush(), Flushes()):
        streaminstr.shutdown(0.1)
    assert len(flushed) == 1
