"""Run one sync program, plain or with its body as a stream."""

from __future__ import annotations

import gc
from contextvars import Context, copy_context
from functools import partial
from operator import call

from core_fakes import in_thread
from differential.backends import in_force
from differential.model import Model
from differential.record import NAME, Record, listening
from differential.sources import PlainSource, StreamSource
from differential.world import World, bind, bindings
from streaminstr import stream
from streaminstr.testing import RecordingBackend


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
        record.may_be_open = "open" in model.states
        record.must_be_open = consumer.modelled and model.states == {"open"}
        model.drop()
        try:
            driver.drop(forget=forget)
        except OSError as error:  # of a close, which a finalizer shows as unraisable
            record.noise.add(type(error).__name__)
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
