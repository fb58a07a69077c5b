"""The comparison itself: it finds faults that are made on purpose, and none where there is none."""

import copy
import pickle

import pytest

from differential import run
from differential.backends import in_force
from differential.catalogue import KINDS
from differential.record import STEPS_TO_THE_END, Ending, compare
from differential.world import own
from differential.wrapping import CONSUMERS
from streaminstr import stream

pytestmark = pytest.mark.differential


class Faithful:
    """Hands all on to a stream; a subclass has one fault."""

    def __init__(self, made):
        self.made = made

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.made)

    def close(self):
        self.made.close()


class ChangesChunks(Faithful):
    def __next__(self):
        return next(self.made) + b"!"


class ChangesErrors(Faithful):
    def __next__(self):
        try:
            return next(self.made)
        except LookupError as error:
            raise LookupError(*error.args) from error


class StepsTwice(Faithful):
    def __next__(self):
        next(self.made)
        return next(self.made)


class NeverCloses(Faithful):
    def close(self):
        pass


class Binds(Faithful):
    def __next__(self):
        own.set("leaked")
        return next(self.made)


class LosesValues(Faithful):
    def __next__(self):
        try:
            return next(self.made)
        except StopIteration:
            raise StopIteration from None


def found(fault, kind, ending, monkeypatch):
    monkeypatch.setattr(run, "stream", lambda body, name: fault(stream(body, name=name)))
    return compare(run.run, KINDS[kind], CONSUMERS["next"], ending)


FAULTS = {
    ChangesChunks: Ending(),
    ChangesErrors: Ending(fail_at=1, error=LookupError),
    StepsTwice: Ending(steps=1),
    NeverCloses: Ending(steps=1, then=("close",)),
    Binds: Ending(),
}


@pytest.mark.parametrize(("fault", "ending"), FAULTS.items())
def test_a_fault_is_found(fault, ending, monkeypatch):
    assert found(fault, "generator with a clean-up", ending, monkeypatch)
    assert not found(Faithful, "generator with a clean-up", ending, monkeypatch)


def test_a_lost_return_value_is_found(monkeypatch):
    assert found(LosesValues, "generator with a return value", Ending(), monkeypatch)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_plain_body_is_as_itself(kind):
    def plain(*program, instrumented, forget=True):
        return run.run(*program, instrumented=False, forget=forget)

    ending = Ending(steps=STEPS_TO_THE_END, then=("close",))
    assert compare(plain, kind, CONSUMERS["next"], ending) == []


# What is not compared, since a list may be copied and a stream may not.

COPIES = [copy.copy, copy.deepcopy, pickle.dumps]


async def rows():
    yield b"a"


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("body", [[b"a"], iter([b"a"]), (b"a" for _ in "a"), rows()])
def test_a_stream_cannot_be_copied(copied, body):
    """A copy would step the same body in the same Context, and end its scope a second time."""
    with in_force(), pytest.raises(TypeError):
        copied(stream(body))
