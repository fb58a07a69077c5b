"""Run one program twice, plain and with its body as a stream, and say what is different."""

from __future__ import annotations

import gc
import sys
import warnings
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from operator import call

from core_fakes import in_thread
from differential_backends import in_force
from differential_consumers import STEPS_TO_THE_END, PlainSource, StreamSource
from differential_model import Model
from differential_world import World, bind, bindings
from streaminstr import stream
from streaminstr.testing import RecordingBackend

NAME = "differential"


class ReadTimeout(TimeoutError):  # noqa: N818 - named as in httpx
    """As clients have their own."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a program does: `steps` steps at most, then the operations of `then`, then it drops all.

    Chunk `fail_at` raises `error`; in the async programs the consumer is cut while it waits for
    chunk `wait_at`.
    """

    steps: int = STEPS_TO_THE_END
    then: tuple[str, ...] = ()
    fail_at: int | None = None
    error: type[BaseException] | None = None
    wait_at: int | None = None
    pauses: tuple[float, ...] | None = None


@dataclass
class Record:
    """All that is compared of a run."""

    results: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    asked: int = 0
    bindings: dict = field(default_factory=dict)
    """What the caller's Context holds afterwards."""
    noise: set = field(default_factory=set)
    """What was said where no consumer sees it: unraisable exceptions, warnings, a loop's."""
    left: int = 0
    """Tasks that are still there."""
    wrong: list = field(default_factory=list)
    """What is wrong with the scope, and with what is current."""


def operate(driver, operation, count, in_other_thread):
    """Do one operation of an ending and return its results."""
    if operation in ("steps", "step"):
        return driver.steps(count if operation == "steps" else 1)
    done = {
        "close": driver.close,
        "close in a thread": partial(in_other_thread, driver.close),
        "throw": partial(driver.throw, KeyError("thrown")),
        "throw three": partial(driver.throw, KeyError, KeyError("thrown"), None),
        "throw a type": partial(driver.throw, KeyError),
        "throw exit": partial(driver.throw, GeneratorExit()),
    }[operation]
    return [driver.attempt(done)]


def follow(model, operation, results):
    """Take the results of an operation into the model."""
    if operation.startswith("close") or (operation == "throw exit" and model.consumer.closes):
        model.close()
    else:
        for result in results:
            model.step(result)


def places(kind, consumer, context, *, instrumented):
    """The caller's Context, and what runs something where the consumer is."""
    if not instrumented or kind.begun:
        here = context.run
        hops = consumer.hop is not None and kind.begun
        return context, partial(consumer.hop, here) if hops else here
    caller = Context()
    caller.run(bind, "elsewhere")
    return caller, consumer.hop or caller.run


def world_of(kind, ending):
    """The world of one run."""

    def moved(number):
        return None if number is None else number + kind.taken

    return World(
        fail_at=moved(ending.fail_at),
        error=ending.error and ending.error("on purpose"),
        wait_at=moved(ending.wait_at),
        pauses=ending.pauses,
    )


def run(kind, consumer, ending, *, instrumented, forget=True):
    """One run of the program."""
    record = Record()
    world = world_of(kind, ending)
    context = copy_context()
    context.run(bind, "request")
    caller, place = places(kind, consumer, context, instrumented=instrumented)
    # A plain body stays in the thread of its request, where all is that belongs to it.
    thread = in_thread if instrumented or kind.begun else call
    before = bindings(caller)
    backend = RecordingBackend()
    with in_force(backend), listening(record):
        source = context.run(make_source, kind, world, instrumented=instrumented)
        driver = consumer(world, source, place)
        del source
        model = Model(kind, consumer)
        for operation in ("steps", *ending.then):
            results = operate(driver, operation, ending.steps, thread)
            record.results += results
            follow(model, operation, results)
            for recorded in backend.streams:
                record.wrong += model.state_differences(recorded)
        model.drop()
        driver.drop(forget=forget)
        gc.collect()
    record.notes = [note for note in world.notes if note[0] != kind.may]
    record.asked = world.asked
    after = bindings(caller)
    record.bindings = after if kind.begun else {}
    if instrumented:
        record.wrong += facts(kind, world, model, backend)
        if not kind.begun and after != before:
            record.wrong.append(f"caller's Context: {after}")
    return record


def make_source(kind, world, *, instrumented):
    body = kind.make(world)
    world.seen_streams.clear()
    return StreamSource(stream(body, name=NAME)) if instrumented else PlainSource(body)


def facts(kind, world, model, backend):
    """What is wrong with a stream besides what the consumer sees."""
    (recorded,) = backend.streams
    wrong = model.differences(recorded)
    if [note[0] for note in world.notes].count(kind.may) > 1:
        wrong.append(f"{kind.may} twice")
    elsewhere = set(world.seen_streams) - {NAME}
    if recorded.was_started and elsewhere and not kind.begun:
        wrong.append(f"current streams: {world.seen_streams}")
    return wrong


@contextmanager
def listening(record):
    """Take all that is said where no consumer sees it as noise."""
    before, sys.unraisablehook = sys.unraisablehook, lambda said: noise(said.exc_type.__name__)
    noise = record.noise.add
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", DeprecationWarning)  # of `throw` with three arguments
            yield
    finally:
        sys.unraisablehook = before
    for warning in said:
        if "was dropped before its end" not in str(warning.message):
            noise(warning.category.__name__)


def differences(plain, ours):
    """What is not as it is without us."""
    wrong = [
        f"{name}: {getattr(ours, name)}, plain {getattr(plain, name)}"
        for name in ("results", "notes", "asked", "bindings", "left")
        if getattr(ours, name) != getattr(plain, name)
    ]
    if ours.noise - plain.noise:
        wrong.append(f"noise: {ours.noise}, plain {plain.noise}")
    return wrong + ours.wrong


def compare(run, kind, consumer, ending):
    """The differences of one program, the fewest there are.

    Who drops a body without closing it gets no call of its `close`. A stream that is dropped
    while it is open calls it; one that has ended, or was never stepped, may.
    """
    ours = run(kind, consumer, ending, instrumented=True)
    plain = run(kind, consumer, ending, instrumented=False)
    found = differences(plain, ours)
    if found and not closes_when_dropped(ours):
        other = run(kind, consumer, ending, instrumented=False, forget=False)
        found = min(found, differences(other, ours), key=len)
    return found


def closes_when_dropped(record):
    return record.results and record.results[-1][0] == "chunk" and record.results[-1][1] is not None


__all__ = ["NAME", "Ending", "ReadTimeout", "Record", "compare", "replace", "run"]
