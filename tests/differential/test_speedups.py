"""Whatever is done to a stream, the compiled step and the one in plain Python are the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import speedups_program

pytest.importorskip("streaminstr_speedups", reason="the compiled step: nox -s speedups")
pytestmark = pytest.mark.differential

FULL = os.environ.get("TESTS_DIFFERENTIAL") == "full"
NAMES = st.sampled_from(sorted(speedups_program.ERRORS))
NUMBER = st.integers(0, 3)
BODY = {
    "chunks": st.lists(st.sampled_from(sorted(speedups_program.CHUNKS)), max_size=4),
    "error": st.none() | NAMES,
    "catches": st.booleans(),
    "reenters": st.just(9) | NUMBER,
    "looks": st.just(9) | NUMBER,
    "closes": st.just(9) | NUMBER,
    "waits": st.integers(0, 2),
}
BOTH = (
    st.tuples(st.sampled_from(["close", "end_soon", "report", "look", "attributes"])),
    st.tuples(st.sampled_from(["attributes"])),
)
SYNC = st.one_of(
    st.tuples(st.just("next")),
    st.tuples(st.just("next")),
    st.tuples(st.just("prime")),
    st.tuples(st.just("send"), st.none() | NUMBER),
    st.tuples(st.just("throw"), NAMES),
    *BOTH,
)
ASYNC = st.one_of(
    st.tuples(st.sampled_from(["step", "step", "aclose", "aprime"])),
    st.tuples(st.just("asend"), st.none() | NUMBER),
    st.tuples(st.just("athrow"), NAMES),
    st.tuples(st.just("go_on"), NUMBER, st.none() | NUMBER),
    st.tuples(st.just("finish"), NUMBER),
    st.tuples(st.just("finish"), NUMBER),
    st.tuples(st.just("raise_in"), NUMBER, NAMES),
    st.tuples(st.sampled_from(["close_step", "forget_step"]), NUMBER),
    *BOTH,
)


def programs(kinds, ops, *, is_sync):
    body = st.fixed_dictionaries(
        {"kind": st.sampled_from(kinds), "is_sync": st.just(is_sync), **BODY}
    )
    return st.fixed_dictionaries({"body": body, "ops": st.lists(ops, min_size=1, max_size=12)})


class Runner:
    """A process that runs programs with one form of the step."""

    def __init__(self, pure):
        environ = {**os.environ, "STREAMINSTR_PURE": pure, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, speedups_program.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            cwd=Path(__file__).parent,
            text=True,
        )
        self.step = json.loads(self.process.stdout.readline())

    def run(self, program):
        self.process.stdin.write(json.dumps(program) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the process has ended: {self.step}"
        return json.loads(answer)

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture(scope="module")
def runners():
    both = [Runner("1"), Runner("")]
    yield both
    for runner in both:
        runner.end()


def test_each_process_runs_the_step_that_it_is_to_run(runners):
    plain, compiled = (runner.step for runner in runners)
    assert plain == "plain Python"
    assert compiled.startswith("compiled")


RULES = settings(
    max_examples=20_000 if FULL else 300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def same(runners, program):
    plain, compiled = (runner.run(program) for runner in runners)
    assert compiled == plain


@RULES
@given(programs(["generator", "iterator", "map"], SYNC, is_sync=True))
def test_a_sync_stream_is_the_same(runners, program):
    same(runners, program)


@RULES
@given(programs(["async_generator", "coroutine", "awaitable"], ASYNC, is_sync=False))
def test_an_async_stream_is_the_same(runners, program):
    same(runners, program)
