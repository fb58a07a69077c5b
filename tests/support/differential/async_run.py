"""Run one async program on a loop whose clock jumps, plain or with its body as a stream."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial

from differential.async_sources import PlainSource, StreamSource
from differential.backends import in_force
from differential.model import Model
from differential.record import NAME, Record, listening
from differential.run import facts, world_of
from differential.world import bind, bindings, told
from streaminstr import stream
from streaminstr.testing import RecordingBackend


def run(runner, kind, consumer, ending, *, instrumented, forget=True):
    """One run of the program by `runner`, an `asyncio.Runner`."""
    record, backend = Record(), RecordingBackend()
    world = world_of(kind, ending)
    context = copy_context()
    context.run(bind, "request")
    own = not instrumented or kind.begun
    caller = context if own else Context()
    if not own:
        caller.run(bind, "elsewhere")
    before = bindings(caller)
    program = Program(record, world, backend, kind, consumer, ending)
    made = partial(program.make, context, instrumented=instrumented)
    with in_force(backend), listening(record):
        loop = runner.get_loop()
        loop.set_exception_handler(partial(complain, record))
        main = program.run(made, context if own else None, forget=forget)
        loop.run_until_complete(loop.create_task(main, context=caller))
        gc.collect()
    record.notes = [note for note in world.notes if note[0] != kind.may]
    record.asked = world.asked
    after = bindings(caller)
    record.bindings = after if kind.begun else {}
    if instrumented:
        record.wrong += facts(kind, world, program.model, backend)
        if not kind.begun and after != before:
            record.wrong.append(f"caller's Context: {after}")
    return record


def complain(record, loop, said):
    """A loop's handler of exceptions."""
    record.noise.add(type(said.get("exception")).__name__)


class Program:
    """The main task of one run."""

    def __init__(self, record, world, backend, kind, consumer, ending):
        self.record, self.world, self.backend = record, world, backend
        self.kind, self.consumer, self.ending = kind, consumer, ending
        self.model = Model(kind, consumer)

    async def make(self, context, *, instrumented):
        """The source: made with the request's bindings, by this task where it awaits something."""
        if self.kind.begun:
            body = await self.kind.make(self.world)
        else:
            body = (
                context.run(self.kind.make, self.world)
                if instrumented
                else self.kind.make(self.world)
            )
        self.world.seen_streams.clear()
        if not instrumented:
            return PlainSource(body, self.record)
        wrap = stream if self.kind.begun else partial(context.run, stream)
        return StreamSource(wrap(body, name=NAME))

    async def run(self, make, context, *, forget):
        self.driver = self.consumer(self.world, await make(), context)
        for operation in ("steps", *self.ending.then):
            results = await self.operate(operation)
            self.record.results += results
            self.follow(operation, results)
            if operation != "steps":
                await settle()
            for recorded in self.backend.streams:
                self.record.wrong += self.model.state_differences(recorded)
        self.record.may_be_open = "open" in self.model.states
        self.record.must_be_open = self.consumer.modelled and self.model.states == {"open"}
        self.model.drop()
        await self.driver.drop(forget=forget)
        await settle()
        gc.collect()
        await settle()
        await self.end_tasks()

    async def operate(self, operation):
        """Do one operation and return its results."""
        driver = self.driver
        if operation in ("steps", "step"):
            return await driver.steps(self.ending.steps if operation == "steps" else 1)
        done = {
            "aclose": driver.aclose,
            "close": driver.source.close,
            "close in a thread": getattr(driver.source, "close_in_a_thread", driver.source.close),
            "throw": partial(driver.throw, KeyError("thrown")),
            "throw three": partial(driver.throw, KeyError, KeyError("thrown"), None),
            "throw a type": partial(driver.throw, KeyError),
            "throw exit": partial(driver.throw, GeneratorExit()),
            "cancel": self.cancel,
            "drop a step": self.drop_a_step,
        }[operation]
        if operation == "cancel":
            return await self.cancel()
        return [await driver.attempt(done)]

    async def cancel(self):
        """Take a step, and cancel the task that takes it while the body waits."""
        hops = self.consumer.hops
        step = self.driver.task(self.driver.one) if hops else self.driver.one()
        task = step if hops else asyncio.current_task()
        cancelling = asyncio.get_running_loop().create_task(self.cancel_when_it_waits(task))
        try:
            result = "chunk", await step
        except BaseException as error:  # noqa: BLE001 - it is compared
            result = told(self.world, error)
            task.uncancel()
        cancelling.cancel()
        return [result]

    async def cancel_when_it_waits(self, task):
        await self.world.waits.wait()
        task.cancel()

    async def drop_a_step(self):
        """Begin a step by hand and close it while the body waits."""
        step = self.driver.one()
        try:
            step.send(None)
        except StopIteration as end:
            return end.value
        step.close()
        return None

    def follow(self, operation, results):
        """Take the results of an operation into the model."""
        for result in results:
            if operation in ("aclose", "close", "close in a thread"):
                self.model.close()
            elif operation == "drop a step" and result == ("chunk", None):
                self.model.step(("raised", "GeneratorExit"))
            elif result[:2] == ("raised", "TimeoutError") and self.consumer.cuts and not result[3]:
                self.model.step(("raised", "CancelledError"))
            else:
                self.model.step(result)

    async def end_tasks(self):
        """Count the tasks that are left, and end them."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        self.record.left = len(left)
        for task in left:
            task.cancel()
        for task in left:
            with suppress(BaseException):
                await task


async def settle():
    """Let all go on that needs no time, while there are tasks that may need it."""
    for turn in range(12):
        if turn > 2 and len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0)
