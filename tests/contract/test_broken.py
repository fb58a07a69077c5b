"""Breaking any one promise makes the contract fail, with a sentence that names the promise."""

import asyncio
import dataclasses
import threading
import time

import pytest

import toy_vendor
from streaminstr import Outcome
from streaminstr.testing import BackendContract
from toy_vendor import ToyBackend, ToyContract, ToyScope, ToySpan, current


class TestWhole(ToyContract):
    """The toy keeps every promise, before anything is broken."""


class SpanInOpen(ToyScope):
    def __init__(self, backend, info):
        super().__init__(backend, info)
        backend.spans.append(ToySpan(info.name, None))


class BeginsInOpen(ToyScope):
    def __init__(self, backend, info):
        super().__init__(backend, info)
        self.begun = time.time_ns()

    def start(self):
        fields = super().start()
        self.span.start_ns = self.begun
        return fields


class BeginsNow(ToyScope):
    def start(self):
        fields = super().start()
        self.span.start_ns = time.time_ns()
        return fields


class AlwaysError(ToyScope):
    def close(self, report):
        super().close(dataclasses.replace(report, is_error=True))


class NeverError(ToyScope):
    def close(self, report):
        super().close(dataclasses.replace(report, is_error=False))


class ErrorByException(ToyScope):
    def close(self, report):
        super().close(dataclasses.replace(report, is_error=report.error is not None))


class LowersErrors(ToyScope):
    def close(self, report):
        super().close(report)
        self.span.is_error = report.is_error


class NamesErrorsItself(ToyScope):
    def close(self, report):
        super().close(report)
        self.span.attributes["error.type"] = type(report.error).__name__


class TakesTextAlone(ToyScope):
    def start(self):
        self.text = [str(value) for value in self.info.attributes.values()]
        return super().start()


class StopsAtTheFirstOddOne(ToyScope):
    def close(self, report):
        super().close(report)
        self.span.attributes = {"streaminstr.outcome": report.outcome.value}


class OpenWhenAbandoned(ToyScope):
    def close(self, report):
        if report.outcome is not Outcome.ABANDONED:
            super().close(report)


class OpenInTask(ToyScope):
    def close(self, report):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            super().close(report)


class EndsTheNewest(ToyScope):
    def start(self):
        fields = super().start()
        self.backend.newest = self.span
        return fields

    def close(self, report):
        self.span = self.backend.newest
        super().close(report)


class EndsTwice(ToyScope):
    def close(self, report):
        super().close(report)
        self.backend.spans.append(self.span)


class NoAttributes(ToyScope):
    def start(self):
        fields = super().start()
        self.span.attributes.clear()
        return fields


class NoId(ToyScope):
    def start(self):
        fields = super().start()
        self.span.attributes.pop("streaminstr.stream_id")
        return fields


class RecordsWhatWasRaised(ToyScope):
    def close(self, report):
        raised = report.error is not None and report.error.__traceback__ is not None
        super().close(report if raised else dataclasses.replace(report, error=None))


class OutcomeOnly(ToyScope):
    def close(self, report):
        super().close(report)
        for name in list(self.span.attributes):
            if name != "streaminstr.outcome":
                del self.span.attributes[name]


class RecordsTwice(ToyScope):
    def close(self, report):
        super().close(report)
        self.span.exceptions *= 2


class NoFields(ToyScope):
    def start(self):
        super().start()
        return {}


class NoParent(ToyScope):
    def __init__(self, backend, info):
        super().__init__(backend, info)
        self.parent = None


class ForgetsFinishedParents(ToyScope):
    def start(self):
        if self.parent in self.backend.spans:
            self.parent = None
        return super().start()


class ParentIsTheNewest(ToyScope):
    def start(self):
        self.parent = self.backend.newest
        fields = super().start()
        self.backend.newest = self.span
        return fields


class NoLink(ToyScope):
    def start(self):
        self.info = dataclasses.replace(self.info, parent="child")
        return super().start()


class CurrentForAll(ToyScope):
    def start(self):
        fields = super().start()
        self.backend.leaked = self.span
        return fields


class CurrentInClose(ToyScope):
    def close(self, report):
        super().close(report)
        self.backend.leaked = self.span


class NeverCurrent(ToyScope):
    def start(self):
        fields = super().start()
        current.set(self.parent)
        return fields


class KeptByThread(ToyScope):
    def start(self):
        fields = super().start()
        self.kept = threading.local()
        self.kept.span = self.span
        return fields

    def close(self, report):
        self.span = self.kept.span
        super().close(report)


class KeptByTask(ToyScope):
    def start(self):
        fields = super().start()
        self.kept = {asyncio.current_task(): self.span}
        return fields

    def close(self, report):
        self.span = self.kept[asyncio.current_task()]
        super().close(report)


class ProgressEnds(ToyScope):
    def progress(self, report):
        self.close(report)


class ReportsTheEnd(ToyScope):
    def segment(self, report):
        fields = super().segment(report)
        self.backend.spans[-1].attributes["streaminstr.outcome"] = "completed"
        return fields


class NumbersNothing(ToyScope):
    def segment(self, report):
        return super().segment(dataclasses.replace(report, segment=None))


class GoesOn(ToyScope):
    def segment(self, report):
        return {"toy.trace": self.span.trace_id, "toy.span": self.span.span_id}


class UnderTheFirst(ToyScope):
    def segment(self, report):
        fields, ended = super().segment(report), self.span.links[0]
        self.span.parent, self.span.links = ended, ()
        return fields


class CurrentIsTheFirst(ToyScope):
    def segment(self, report):
        fields = super().segment(report)
        current.set(self.span.links[0])
        return fields


class KeepsItsFields(ToyScope):
    def segment(self, report):
        super().segment(report)
        return {}


class CutsAnyway(ToyScope):
    def segment(self, report):
        current.set(self.span)
        return super().segment(report)


class FlushRaises(ToyBackend):
    def flush(self, timeout):
        msg = "no connection"
        raise OSError(msg)


class TraceOfText(ToyBackend):
    def trace_id(self):
        return current.get().trace_id


class TraceOfTheStep(ToyBackend):
    def trace_id(self):
        return next(toy_vendor.numbers)


BROKEN = {
    "never_started": (SpanInOpen, "Start it in start()"),
    "open_starts_nothing": (BeginsInOpen, "Start it in start()"),
    "dated_back": (BeginsNow, "Hand it to the vendor in start()"),
    "completed": (AlwaysError, "report.is_error"),
    "failed": (NeverError, "report.is_error"),
    "cancelled": (AlwaysError, "report.is_error"),
    "cancelled_is_error": (ErrorByException, "report.is_error"),
    "reported": (ErrorByException, "report.is_error"),
    "reported_error": (RecordsWhatWasRaised, "Record report.error in close(), once"),
    "reported_and_left": (ErrorByException, "report.is_error"),
    "own_error": (LowersErrors, "never take a mark away"),
    "own_error_type": (NamesErrorsItself, "Put report.as_attributes()"),
    "abandoned": (OpenWhenAbandoned, "End the span in close()"),
    "collector": (EndsTheNewest, "end that very span in close()"),
    "double_close": (EndsTwice, "end it once"),
    "attributes": (NoAttributes, "Put info.as_attributes() in start()"),
    "stream_id": (NoId, "Put info.as_attributes() in start()"),
    "odd_attributes": (TakesTextAlone, "start() raised ValueError"),
    "numbers": (OutcomeOnly, "Put report.as_attributes()"),
    "exception_recorded_once": (RecordsTwice, "Record report.error in close(), once"),
    "log_fields": (NoFields, "Return the trace id and span id from start()"),
    "nested": (NoParent, "Remember in open()"),
    "parent_finished_first": (ForgetsFinishedParents, "Remember in open()"),
    "link": (NoLink, "Start a root span"),
    "caller_unchanged": (CurrentForAll, "by setting a context variable"),
    "interleaved": (EndsTheNewest, "end that very span in close()"),
    "interleaved_parents": (ParentIsTheNewest, "what is current in open()"),
    "other_thread": (KeptByThread, "keep what close() needs in the scope itself"),
    "current_in_steps": (NeverCurrent, "Make the span current in start()"),
    "current_in_clean_up": (NeverCurrent, "Make the span current in start()"),
    "current_between_chunks": (CurrentForAll, "by setting a context variable"),
    "current_after_nested": (CurrentForAll, "by context variables"),
    "current_after_collector": (CurrentInClose, "by context variables"),
    "progress": (ProgressEnds, "end it once"),
    "segments": (GoesOn, "End the span in segment(), start the next one there"),
    "segment_parent": (UnderTheFirst, "start each segment's span under it"),
    "segment_link": (UnderTheFirst, "Link the span that starts in segment()"),
    "segment_current": (CurrentIsTheFirst, "Make the new span current in segment()"),
    "segment_log_fields": (KeepsItsFields, "Return its ids from segment()"),
    "segment_not_now": (CutsAnyway, "Raise streaminstr.types.NotNow"),
    "flush": (FlushRaises, "raised OSError"),
    "trace_id": (TraceOfText, "Return the number of the current trace"),
    "async_completed": (OpenInTask, "End the span in close()"),
    "async_failed": (OpenInTask, "End the span in close()"),
    "async_cancelled": (OpenInTask, "End the span in close()"),
    "async_abandoned": (OpenInTask, "End the span in close()"),
    "other_task": (KeptByTask, "keep what close() needs in the scope itself"),
    "async_closed_by_thread": (OpenInTask, "End the span in close()"),
    "async_nested": (NoParent, "Remember in open()"),
    "async_current": (NeverCurrent, "Make the span current in start()"),
    "async_interleaved": (CurrentForAll, "by setting a context variable"),
}


@pytest.mark.parametrize("promise", BROKEN)
def test_a_broken_promise_is_named(promise):
    broken, advice = BROKEN[promise]
    with pytest.raises(AssertionError) as failure:
        kept(promise, broken)
    assert str(failure.value).startswith(f"{promise}: ")
    assert advice in str(failure.value)


def test_an_odd_attribute_that_takes_the_others_with_it_is_found():
    with pytest.raises(AssertionError, match=r"^odd_attributes: attribute 'shop.kind'"):
        kept("odd_attributes", StopsAtTheFirstOddOne)


def test_a_trace_with_a_new_number_each_time_is_found():
    with pytest.raises(AssertionError, match=r"^trace_id: trace_id\(\) returned \[\d+\] in one"):
        kept("trace_id", TraceOfTheStep)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (ReportsTheEnd, "the first segment has an outcome"),
        (NumbersNothing, "attribute 'streaminstr.segment' is 0"),
    ],
)
def test_a_segment_with_the_wrong_attributes_is_found(broken, sentence):
    with pytest.raises(AssertionError, match=f"^segments: {sentence}"):
        kept("segments", broken)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (OpenWhenAbandoned, "completed"),
        (OpenInTask, "completed"),
        (KeptByThread, "completed"),
        (KeptByTask, "async_completed"),
    ],
)
def test_promises_that_are_kept_pass_all_the_same(broken, promise):
    kept(promise, broken)


def test_every_promise_has_been_broken():
    promises = {name.removeprefix("test_") for name in dir(BackendContract) if is_test(name)}
    assert promises == {*BROKEN, "contract_is_whole"}


def is_test(name):
    return name.startswith("test_")


def kept(promise, broken):
    """Run one test of the contract on a copy of the toy that is broken."""
    contract = ToyContract()
    contract.vendor = broken
    if issubclass(broken, ToyScope):
        contract.vendor = type("Broken", (ToyBackend,), {"scope": broken})
    getattr(contract, f"test_{promise}")()
