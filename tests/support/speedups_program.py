"""Runs a program of steps on one stream and tells all that can be seen of it, as plain data.

As a script it runs the programs that come in, one JSON document a line, and answers each with what
it saw: so that one process can run the step in plain Python, and another one the compiled step.
"""

import gc
import json
import signal
import sys
import types
import warnings
from contextvars import ContextVar

import streaminstr
from streaminstr import _configure, _speedups
from streaminstr._process.shutdown import close_stream
from streaminstr.testing import RecordingBackend

VARIABLE = ContextVar("variable", default=0)
ERRORS = {
    error.__name__: error
    for error in (
        *(ValueError, TimeoutError, KeyboardInterrupt, StopIteration, GeneratorExit),
        *(StopAsyncIteration, RuntimeError),
    )
}
CHUNKS = {"bytes": b"12345", "text": "\xe9a", "none": None, "tuple": (1, 2), "array": bytearray(3)}
CHUNKS["stop"] = StopIteration(7)


MOST = 3
"""Errors that a body catches: it might raise them for ever."""


class Program:
    """One stream and its body; `seen` is what happens, in its order."""

    def __init__(self, body, ops):
        self.spec, self.ops, self.seen, self.steps = body, ops, [], []
        self.stream, self.caught = None, 0

    def note(self, *what):
        self.seen.append(list(map(plain, what)))

    def run(self):
        backend = RecordingBackend()
        with _configure.forced(_configure.assemble((backend,))), warnings.catch_warnings():
            warnings.simplefilter("always")
            # A list of warnings would keep what they are about.
            warnings.showwarning = lambda message, *_, **__: self.note("warned", str(message))
            VARIABLE.set(0)
            self.stream = streaminstr.stream(self.body(), name="program")
            for op, *arguments in self.ops:
                self.note("op", op)
                self.attempt(getattr(self, f"do_{op}"), *arguments)
                self.note("outside", VARIABLE.get(), streaminstr.current_stream().__bool__())
            self.stream = None
            self.steps.clear()
            gc.collect()
        for scope in backend.streams:
            self.note("scope", *scope_facts(scope))
        return self.seen

    def attempt(self, function, *arguments):
        try:
            self.note("returned", function(*arguments))
        except BaseException as error:  # noqa: BLE001 - it is what is looked at
            context = error.__context__  # of a turn that was not there: how it was looked for
            known = context is not None and not isinstance(context, IndexError)
            self.note("raised", error, type(context).__name__ if known else None)
            while error is not None:  # frames in it may make a cycle, which ends later
                error.__traceback__, error = None, error.__context__

    # -- bodies --

    def body(self):
        return getattr(self, f"{self.spec['kind']}_body")()

    def chunk(self, number):
        """What the body does in a step: returns a chunk, or raises."""
        self.note("in step", number, VARIABLE.get(), bool(streaminstr.current_stream()))
        VARIABLE.set(VARIABLE.get() + 1)
        names = self.spec["chunks"]
        if number >= len(names):
            if self.spec["error"] is not None:
                raise ERRORS[self.spec["error"]](number)
            return Ellipsis
        if self.spec["reenters"] == number:
            self.attempt(next if self.spec["is_sync"] else self.enter_again, self.stream)
        if self.spec["looks"] == number:
            self.note("looked", self.do_look())
        if self.spec["closes"] == number:
            self.attempt(self.stream.close)
        return CHUNKS[names[number]]

    def enter_again(self, stream):
        return stream.__anext__().send(None)

    def generator_body(self):
        number = 0
        while True:
            try:
                if (chunk := self.chunk(number)) is Ellipsis:
                    return "the value"
                number += 1
                self.note("sent", (yield chunk))
            except ValueError as error:
                self.note("caught", error)
                self.caught += 1
                if not self.spec["catches"] or self.caught > MOST:
                    raise
            except GeneratorExit:
                self.note("clean-up", VARIABLE.get())
                raise

    def iterator_body(self):
        return Iterator(self)

    def map_body(self):
        return map(self.not_over, range(9))

    def not_over(self, number):
        chunk = self.chunk(number)
        if chunk is Ellipsis:
            raise StopIteration
        return chunk

    async def async_generator_body(self):
        number = 0
        while True:
            try:
                await self.wait()
                if (chunk := self.chunk(number)) is Ellipsis:
                    return
                number += 1
                self.note("sent", (yield chunk))
            except ValueError as error:
                self.note("caught", error)
                self.caught += 1
                if not self.spec["catches"] or self.caught > MOST:
                    raise
            except GeneratorExit:
                self.note("clean-up", VARIABLE.get())
                raise

    def coroutine_body(self):
        return AsyncIterator(self, self.async_chunk)

    def awaitable_body(self):
        return AsyncIterator(self, lambda number: Awaitable(self, number))

    async def async_chunk(self, number):
        await self.wait()
        chunk = self.chunk(number)
        if chunk is Ellipsis:
            raise StopAsyncIteration
        return chunk

    async def wait(self):
        for number in range(self.spec["waits"]):
            try:
                self.note("awaited", await pause(number))
            except TimeoutError as error:
                self.note("caught in a wait", error)
                if not self.spec["catches"]:
                    raise

    # -- what is done to a stream --

    def do_next(self):
        return next(self.stream)

    def do_send(self, value):
        return self.stream.send(value)

    def do_throw(self, name):
        return self.stream.throw(ERRORS[name]("thrown"))

    def do_step(self):
        self.steps.append(self.stream.__anext__())

    def do_asend(self, value):
        self.steps.append(self.stream.asend(value))

    def do_athrow(self, name):
        self.steps.append(self.stream.athrow(ERRORS[name]("thrown")))

    def do_aclose(self):
        self.steps.append(self.stream.aclose())

    def do_aprime(self):
        self.steps.append(self.stream.aprime())

    def of_steps(self, number):
        return self.steps[number % len(self.steps)] if self.steps else (_ for _ in ())

    def do_go_on(self, number, value):
        return self.of_steps(number).send(value)

    def do_raise_in(self, number, name):
        return self.of_steps(number).throw(ERRORS[name]("thrown in"))

    def do_close_step(self, number):
        return self.of_steps(number).close()

    def do_forget_step(self, number):
        if self.steps:
            del self.steps[number % len(self.steps)]

    def do_finish(self, number):
        step = self.of_steps(number)
        for _ in range(9):
            self.note("yielded", step.send(None))

    def do_prime(self):
        return self.stream.prime() is self.stream

    def do_close(self):
        return self.stream.close()

    def do_end_soon(self):
        return close_stream(self.stream._life.handle.id, reason="asked")

    def do_report(self):
        report = self.stream.report()
        return [report.chunks, report.bytes, report.longest_gap >= 0, self.stream.in_step]

    def do_look(self):
        return [[one.turn, one.chunks, *one.waits] for one in streaminstr.open_streams()]

    def do_attributes(self):
        stream = self.stream
        return [
            *(stream.chunks, stream.size, stream.entered > 0, stream.left >= stream.first),
            *(list(stream._turn), type(stream._iterator).__name__, stream.cut is None),
        ]


class Iterator:
    def __init__(self, program):
        self.program, self.number = program, -1

    def __iter__(self):
        return self

    def __next__(self):
        self.number += 1
        chunk = self.program.chunk(self.number)
        if chunk is Ellipsis:
            raise StopIteration
        return chunk

    def close(self):
        self.program.note("clean-up", VARIABLE.get())


class AsyncIterator:
    def __init__(self, program, step):
        self.program, self.step, self.number = program, step, -1

    def __aiter__(self):
        return self

    def __anext__(self):
        self.number += 1
        return self.step(self.number)

    async def aclose(self):
        self.program.note("clean-up", VARIABLE.get())
        await self.program.wait()


class Awaitable:
    """Its iterator has no `send`."""

    def __init__(self, program, number):
        self.program, self.number, self.waited = program, number, 0

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self.waited += 1
        if self.waited <= self.program.spec["waits"]:
            return self.waited
        chunk = self.program.chunk(self.number)
        if chunk is Ellipsis:
            raise StopAsyncIteration
        stop = StopIteration(chunk)
        raise stop


@types.coroutine
def pause(number):
    return (yield number)


def plain(value):
    """As JSON has it. Messages are compared, addresses are not."""
    if isinstance(value, BaseException):
        return [type(value).__name__, *map(plain, value.args)]
    if isinstance(value, list | tuple):
        return list(map(plain, value))
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value).partition(" at 0x")[0]


def scope_facts(scope):
    report = scope.report
    if report is None:
        return ("open",)
    return (
        *(report.outcome, report.cancelled_by, report.chunks, report.bytes, report.is_error),
        *(report.error, report.close_reason, report.time_to_first_chunk is None),
    )


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main():
    gc.freeze()  # or each collection looks at all that was imported
    say(_speedups.describe())
    for line in sys.stdin:
        program = json.loads(line)
        signal.alarm(30)  # ends a process that hangs
        say(Program(program["body"], program["ops"]).run())


if __name__ == "__main__":
    main()
