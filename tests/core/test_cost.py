"""What a step may cost, in things that can be counted: docs/explanation/speed.md has the times."""

import gc
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import repeat
from pathlib import Path

import asgiref.sync
import pytest

import open_stream_cost
import streaminstr
from streaminstr import _configure, _speedups
from streaminstr.testing import RecordingBackend

STEPS = 1_000
in_python = pytest.mark.skipif(
    _speedups.compiled is not None, reason="counts the calls of the step in plain Python"
)


def body(steps):
    yield from repeat(b"x" * 64, steps)


async def async_body(steps):
    for chunk in repeat(b"x" * 64, steps):
        yield chunk


async def drain(stream):
    async for _ in stream:
        pass


def run(coroutine):
    """Run what never waits, with no loop whose own calls would be counted."""
    try:
        coroutine.send(None)
    except StopIteration:
        return


def calls_of(function):
    """How often each Python function and each built-in was entered."""
    calls = Counter()

    def note(frame, event, argument):  # pragma: no cover - a profiler is not traced
        if event == "call":
            calls[frame.f_code.co_name] += 1
        elif event == "c_call":
            calls[argument.__name__] += 1

    outer = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(outer)
    return calls


@pytest.fixture(autouse=True)
def _no_asgiref(monkeypatch):
    """What a step costs because of asgiref, it costs where asgiref is loaded."""
    monkeypatch.delitem(sys.modules, "asgiref.sync", raising=False)


def calls_of_a_step(consume, make, **options):
    """The calls of one step: what 1,000 steps more make, so that what opens and ends falls out."""
    consume(streaminstr.stream(make(1), **options))  # what is done once in a process is done now
    gc.collect()
    gc.disable()  # it may run anybody's clean-up
    try:
        few, many = (
            calls_of(lambda steps=steps: consume(streaminstr.stream(make(steps), **options)))
            for steps in (1, STEPS + 1)
        )
    finally:
        gc.enable()
    calls = {name: round((many[name] - few[name]) / STEPS) for name in many}
    return {name: count for name, count in calls.items() if count}


BUILT_IN = {"append", "get", "get_ident", "len", "perf_counter", "pop", "run", "anext", "next"}
BUILT_IN |= {"bisect_left", "isinstance"}


def frames(calls):
    """How many Python functions are entered, beside the body and its consumer."""
    return sum(calls[name] for name in calls.keys() - BUILT_IN - {"body", "async_body", "drain"})


@in_python
def test_a_sync_step_is_one_frame_of_ours_and_two_clock_readings(backend):
    calls = calls_of_a_step(list, body)
    assert (frames(calls), calls["perf_counter"], sum(calls.values())) == (1, 2, 7)


@in_python
def test_an_async_step_is_two_frames_of_ours_and_two_clock_readings(backend):
    calls = calls_of_a_step(lambda stream: run(drain(stream)), async_body)
    assert (frames(calls), calls["perf_counter"]) == (2, 2)
    assert sum(calls.values()) <= 12


@pytest.fixture
def _asgiref(_no_asgiref, monkeypatch):
    monkeypatch.setitem(sys.modules, "asgiref.sync", asgiref.sync)


@in_python
@pytest.mark.usefixtures("_asgiref")
def test_with_asgiref_a_step_asks_for_its_place_with_one_frame_and_three_calls(backend):
    calls = calls_of_a_step(list, body)
    assert frames(calls) == 2
    assert (calls["way"], calls["get"], calls["get_ident"], calls["run"]) == (1, 2, 1, 1)


@in_python
@pytest.mark.usefixtures("_asgiref")
def test_with_asgiref_an_async_step_asks_as_often_and_its_end_unwinds_no_more_frames(backend):
    calls = calls_of_a_step(lambda stream: run(drain(stream)), async_body)
    assert frames(calls) == 3
    assert (calls["way"], calls["get"], calls["get_ident"], calls["run"]) == (1, 2, 1, 1)


# What is counted on request is counted by a step of its own, chosen where the stream is made.


def event_body(steps):
    yield from repeat(b"data: 1\n\n", steps)


OF_AN_EVENT = {"take", "_as_bytes", "size_of", "splitlines", "_take_line", "_dispatch"}
OF_A_GAP = {"note", "bisect_left"}


@pytest.fixture
def _gaps():
    backend = RecordingBackend()
    backend.gap_bounds = (0.1, 1.0)
    with _configure.forced(_configure.assemble((backend,))):
        yield


def test_no_stream_pays_for_what_is_not_asked_of_it(backend):
    plain = calls_of_a_step(list, body)
    events = calls_of_a_step(list, event_body, kind="sse")
    assert not plain.keys() & {*OF_AN_EVENT, *OF_A_GAP}
    assert events.keys() >= OF_AN_EVENT
    assert not events.keys() & OF_A_GAP


@in_python
@pytest.mark.usefixtures("_gaps")
def test_gaps_between_chunks_cost_three_frames_and_a_clock_reading():
    calls = calls_of_a_step(list, body)
    assert (frames(calls), calls["perf_counter"]) == (4, 3)
    assert calls.keys() >= {"take", "note", "bisect_left", "size_of"}


@pytest.mark.usefixtures("_gaps")
def test_gaps_between_events_cost_two_frames_beside_those_of_an_event():
    events = {"kind": "sse"}
    calls = calls_of_a_step(list, event_body, **events)
    with _configure.forced(_configure.assemble((RecordingBackend(),))):
        without = calls_of_a_step(list, event_body, **events)
    assert calls["note"] == calls["bisect_left"] == 1
    assert calls["perf_counter"] == without["perf_counter"]
    assert frames(calls) - frames(without) == 2


def test_an_open_stream_costs_at_most_one_and_a_half_kibibytes():
    """Without a vendor, and without what its body holds."""
    command = [sys.executable, Path(open_stream_cost.__file__)]
    traced = "COVERAGE_"  # a tracer makes an object of each frame
    untraced = {name: text for name, text in os.environ.items() if not name.startswith(traced)}
    costs = []
    for _ in range(3):
        done = subprocess.run(  # noqa: S603 - ours
            command, capture_output=True, text=True, check=True, env=untraced
        )
        costs.append(float(done.stdout))
    # In one of eighty processes the hashes of two context variables share five bits, and each
    # Context has one node of 64 bytes more.
    assert min(costs) <= 1536


def held_after(steps, stream):
    for _ in repeat(None, steps):
        next(stream)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_stream_holds_no_more_after_many_chunks(backend):
    stream = streaminstr.stream(body(3 * STEPS))
    tracemalloc.start()
    try:
        before = held_after(STEPS, stream)
        assert held_after(STEPS, stream) - before < 1024
    finally:
        tracemalloc.stop()
        stream.close()


def test_a_stream_of_many_chunks_is_one_scope(backend):
    list(streaminstr.stream(body(10_000)))
    assert [scope.report.chunks for scope in backend.closed] == [10_000]
