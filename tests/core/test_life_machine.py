"""Any order of steps, closes, throws, drops, thread hops and faults, against a small model.

Three streams at a time, so that their steps are interleaved. The model of a stream is a state
(`fresh`, `open`, `ended`) and what has ended it, to which the table of outcomes gives the outcome;
after each rule the scope must say the same, and the caller's Context must be what it was.
"""

import asyncio
import contextlib
import gc
import warnings
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core_fakes import bound, by_hand, in_thread, surroundings, switch
from streaminstr import _configure, current_stream, stream
from streaminstr._calls import guard
from streaminstr._core.outcome import TABLE, Cut, Ending
from streaminstr.testing import RecordingBackend

STREAMS = 3
ERRORS = {
    LookupError: Ending.RAISED,
    asyncio.CancelledError: Ending.INTERRUPTED,
    GeneratorExit: Ending.INTERRUPTED,
    SystemExit: Ending.STOPPED,
    TimeoutError: Ending.RAISED,
}
CUTS = {asyncio.CancelledError: Cut.CANCELLATION, TimeoutError: Cut.TIMEOUT}
"""Errors after which a body that is no generator can go on: the scope stays open."""
FAULTS = ["none", "open", "start", "close"]

which = st.integers(0, STREAMS - 1)
hops = st.booleans()
errors = st.sampled_from(list(ERRORS))


class Fault(Exception):
    """What a backend raises on purpose."""


class Faulty(RecordingBackend):
    """A second backend, whose faults the first must not notice."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment

    def open(self, info):
        if self.moment == "open":
            raise Fault
        scope = super().open(info)
        plain = getattr(scope, self.moment, None)
        if plain is not None:
            setattr(scope, self.moment, lambda *given: (plain(*given), fail()))
        return scope


def fail():
    raise Fault


class Script:
    """A body whose next step does what it was told; else it gives a chunk. Sync and async."""

    def __init__(self, name):
        self.name = name
        self.next = "chunk"
        self.closed = 0

    def _act(self):
        assert current_stream().info.name == self.name
        bound.set(self.name)
        if self.next == "end":
            raise self.end
        if self.next != "chunk":
            error, self.next = self.next, "chunk"
            try:
                raise error
            finally:
                del error
        return self.name

    def close(self):
        self.closed += 1


class SyncScript(Script):
    end = StopIteration

    def __iter__(self):
        return self

    def __next__(self):
        return self._act()

    def throw(self, error):
        try:
            raise error
        finally:
            del error  # a cycle through the traceback would keep the stream


class AsyncScript(Script):
    end = StopAsyncIteration

    def __aiter__(self):
        return self

    async def __anext__(self):
        await switch()
        return self._act()

    async def athrow(self, error):
        try:
            raise error
        finally:
            del error

    async def aclose(self):
        await switch()
        self.close()


class Case:
    """One stream and its model."""

    def __init__(self, name, body):
        self.body = body(name)
        self.stream = stream(self.body, name=name)
        self.state = "fresh"
        self.outcome = None
        self.asked = False
        """Whether a close waits for the running step."""
        self.step = None
        """An async step that is suspended."""
        self.closed = False
        """Whether it was closed: then no step reaches the body any more."""
        self.was_cut = False
        self.cut = Cut.NOTHING
        """How its last step was cut."""

    def begin(self):
        if self.state == "fresh":
            self.state = "open"

    def end(self, ending, cut=Cut.NOTHING):
        if self.state == "open":
            row = TABLE.get((ending, cut)) or TABLE[ending, Cut.NOTHING]
            self.outcome = row.outcome
        self.state = "ended"

    def leave(self, ending):
        """It is closed or dropped."""
        self.end(ending, self.cut)

    @property
    def cut_before(self):
        """What counts of the cut of an earlier step while the next one is waiting."""
        return Cut.NOTHING  # a stream that is stepped again forgets it

    def fail(self, error):
        """A step raises `error`."""
        if error in CUTS and self.state == "open":
            self.cut, self.was_cut = CUTS[error], True
        else:
            self.end(ERRORS[error])


class Machine(RuleBasedStateMachine):
    """What the sync and the async machine share."""

    body: type[Script]

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        self.stack.callback(setattr, guard, "errors", guard.errors)
        guard.errors = Counter({"tests": 1})
        self.stack.enter_context(quiet())
        self.before = surroundings()
        self.made = 0

    @initialize(fault=st.sampled_from(FAULTS))
    def set_up(self, fault):
        self.backend, faulty = RecordingBackend(), Faulty(fault)
        config = _configure.Config(backends=(faulty, self.backend))
        self.stack.enter_context(_configure.forced(config))
        self.cases = [self.make() for _ in range(STREAMS)]
        self.retired = []

    def make(self):
        self.made += 1
        return Case(f"stream {self.made}", self.body)

    @rule(which=which)
    def drop(self, which):
        case = self.cases[which]
        if case.step is not None:
            case.step.close()
            case.step = None
            case.end(Ending.INTERRUPTED)
        case.stream = None
        if case.was_cut:
            gc.collect()  # the error may be in a cycle of its traceback's, with the stream's frame
        case.leave(Ending.DROPPED)
        self.retired.append(case)
        self.cases[which] = self.make()

    @invariant()
    def the_callers_context_is_unchanged(self):
        assert surroundings() == self.before

    @precondition(lambda self: hasattr(self, "cases"))
    @invariant()
    def each_scope_says_what_the_model_says(self):
        recorded = {one.name: one for one in self.backend.streams}
        for case in (*self.cases, *self.retired):
            one = recorded[case.body.name]
            assert one.outcome == case.outcome
            assert one.is_open == (case.state == "open")
            assert one.events.count("start") <= 1
            assert one.events.count("close") == (case.outcome is not None)
            assert case.body.closed <= 1

    def teardown(self):
        cases = getattr(self, "cases", ())
        for case in cases:
            if case.step is not None:
                case.step.close()
            case.step = case.stream = None
        if any(case.was_cut for case in cases):
            gc.collect()  # as in `drop`, and before warnings are errors again
        self.stack.close()
        assert gc.isenabled()


@contextlib.contextmanager
def quiet():
    """What is swallowed here is swallowed on purpose."""
    before, guard.logger.disabled = guard.logger.disabled, True
    yield
    guard.logger.disabled = before


def called(function, *arguments, hop):
    return in_thread(function, *arguments) if hop else function(*arguments)


class SyncMachine(Machine):
    body = SyncScript

    @rule(which=which, hop=hops)
    def step(self, which, hop):
        case = self.cases[which]
        case.body.next = "chunk"
        case.begin()
        expected = "end" if case.closed else case.body.name
        assert called(next, case.stream, "end", hop=hop) == expected
        case.cut = Cut.NOTHING

    @rule(which=which, hop=hops)
    def exhaust(self, which, hop):
        case = self.cases[which]
        case.body.next = "end"
        case.begin()
        case.end(Ending.EXHAUSTED)
        assert called(next, case.stream, "end", hop=hop) == "end"

    @rule(which=which, hop=hops, error=errors)
    def fail(self, which, hop, error):
        case = self.cases[which]
        case.body.next = error()
        case.begin()
        case.fail(error)
        with contextlib.nullcontext() if case.closed else pytest.raises(error):
            called(next, case.stream, "end", hop=hop)

    @rule(which=which, error=errors)
    def throw(self, which, error):
        case = self.cases[which]
        case.begin()
        case.fail(error)
        with pytest.raises(error):
            case.stream.throw(error())

    @rule(which=which, hop=hops)
    def close(self, which, hop):
        case = self.cases[which]
        case.leave(Ending.CLOSED)
        case.closed = True
        called(case.stream.close, hop=hop)
        assert case.body.closed == 1

    @rule(which=which, hop=hops)
    def close_inside_a_step(self, which, hop):
        case = self.cases[which]
        if case.state == "ended":
            return
        plain = case.body._act

        def act():
            called(case.stream.close, hop=hop)
            return plain()

        case.body.next, case.body._act = "chunk", act
        assert next(case.stream) == case.body.name
        case.begin()
        case.end(Ending.CLOSED)
        case.closed = True
        case.body._act = plain

    @rule(which=which)
    def step_another_inside_a_step(self, which):
        case, other = self.cases[which], self.cases[which - 1]
        if case.state == "ended":
            return
        plain = case.body._act

        def act():
            self.step(which=which - 1, hop=False)
            return plain()

        case.body.next, case.body._act = "chunk", act
        assert next(case.stream) == case.body.name
        case.begin()
        case.cut = Cut.NOTHING
        case.body._act = plain
        assert other.state != "fresh"


class AsyncMachine(Machine):
    """Driven by hand, so that steps can be left waiting; there is no loop."""

    body = AsyncScript

    @rule(which=which)
    def begin_step(self, which):
        case = self.cases[which]
        if case.step is not None:
            return
        case.step = case.stream.__anext__()
        if case.closed:
            with pytest.raises(StopAsyncIteration):
                case.step.send(None)
            case.step = None
        else:
            case.step.send(None)
            case.begin()

    @rule(which=which, hop=hops, act=st.sampled_from(["chunk", "end", *ERRORS]))
    def finish_step(self, which, hop, act):
        case = self.cases[which]
        if case.step is None:
            return
        case.body.next = act if isinstance(act, str) else act()
        expected = {"chunk": contextlib.nullcontext(), "end": pytest.raises(StopAsyncIteration)}
        with expected[act] if act in expected else pytest.raises(act):
            assert called(by_hand, case.step, hop=hop) == case.body.name
        case.step = None
        if act == "chunk":
            case.cut = Cut.NOTHING
        elif act == "end":
            case.end(Ending.EXHAUSTED)
        else:
            case.fail(act)
        if case.asked:
            case.leave(Ending.CLOSED)
            case.closed = True

    @rule(which=which, hop=hops, error=errors)
    def interrupt_step(self, which, hop, error):
        case = self.cases[which]
        if case.step is None:
            return
        with pytest.raises(error):
            called(case.step.throw, error(), hop=hop)
        case.step = None
        case.fail(error)
        if case.asked:
            case.leave(Ending.CLOSED)
            case.closed = True

    @rule(which=which)
    def drop_step(self, which):
        case = self.cases[which]
        if case.step is not None:
            case.step = None
            if case.asked:
                case.end(Ending.CLOSED, case.cut_before)
            else:
                case.end(Ending.INTERRUPTED)
            case.closed = case.closed or case.asked

    @rule(which=which)
    def step_beside_a_step(self, which):
        case = self.cases[which]
        if case.step is not None:
            busy = pytest.raises(RuntimeError, match="already running")
            with pytest.raises(StopAsyncIteration) if case.asked else busy:
                by_hand(case.stream.__anext__())

    @rule(which=which, error=errors)
    def athrow(self, which, error):
        case = self.cases[which]
        if case.step is not None:
            return
        case.begin()
        case.fail(error)
        # After its end an async generator returns None or raises: that depends on the Python.
        ended = contextlib.suppress(StopAsyncIteration)
        with ended if case.closed else pytest.raises(error):
            by_hand(case.stream.athrow(error()))

    @rule(which=which, hop=hops)
    def aclose(self, which, hop):
        case = self.cases[which]
        called(by_hand, case.stream.aclose(), hop=hop)
        case.asked = True
        if case.step is None:
            case.leave(Ending.CLOSED)
            case.closed = True
            assert case.body.closed <= 1

    @rule(which=which, hop=hops)
    def close(self, which, hop):
        case = self.cases[which]
        called(case.stream.close, hop=hop)
        case.asked = True
        # In a step that is left waiting, with no loop that could ever go on with it, the scope is
        # closed at once. The body is, when the step returns.
        case.end(Ending.CLOSED, case.cut if case.step is None else case.cut_before)
        case.closed = case.closed or case.step is None


QUICK = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


class TestSync(SyncMachine.TestCase):
    settings = QUICK


class TestAsync(AsyncMachine.TestCase):
    settings = QUICK
