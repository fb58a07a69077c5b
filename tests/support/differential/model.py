"""What a scope has to say of a stream, as DESIGN.md's table of outcomes has it.

It follows the results of a program step by step. Where the table leaves a choice, both are right.
"""

from __future__ import annotations

from streaminstr import Outcome

TIMEOUTS = {"TimeoutError", "ReadTimeout"}
CANCELLATIONS = {"CancelledError", "Cancelled", "GreenletExit"}
STOPS = {"SystemExit", "KeyboardInterrupt", "GeneratorExit"}


class Model:
    """The state of one stream: `fresh`, `open` or `ended`, and the outcomes that it may have."""

    def __init__(self, kind, consumer):
        self.ends, self.consumer = kind.ends, consumer
        self.finished = False
        self.states = {"fresh"}
        self.outcomes = set()
        self.chunks = self.bytes = 0
        self.counts = True
        """Whether it is laid down what is counted."""
        self.cut = None
        """What cut the last step, where the body may go on after it."""

    def step(self, result):
        """Take in the result of one step."""
        if self.finished:
            return
        if "fresh" in self.states:
            self.states = {"open"}
        forgotten, self.cut = self.cut, None
        if result[0] == "chunk":
            self._count(result[1])
        elif result[0] == "stopped":
            self._end(Outcome.COMPLETED)
        else:
            group = result[5] if len(result) > 5 else []
            only_ends = group and set(group) <= CANCELLATIONS | {"GeneratorExit"}
            self._raised(group[0] if only_ends else result[1], forgotten)
        self.finished = self.consumer.finishes and result[0] != "chunk"

    def _raised(self, name, forgotten):
        if "open" not in self.states:
            self.cut = forgotten
        elif name in TIMEOUTS and self.ends is not True:
            self._cut(Outcome.FAILED)
        elif name in CANCELLATIONS and self.ends is not True:
            self._cut(Outcome.CANCELLED)
        elif name in STOPS and self.ends is not True:
            # Not laid down: whether a step that comes after it is one of an open stream.
            self._cut(Outcome.CANCELLED)
            self._may_end(Outcome.CANCELLED)
        else:
            cancelled = name in CANCELLATIONS | STOPS
            self._end(Outcome.CANCELLED if cancelled else Outcome.FAILED)

    def _cut(self, outcome):
        self.cut = outcome
        if self.ends is None:
            self._may_end(outcome)

    def _may_end(self, outcome):
        self.outcomes.add(outcome)
        self.states.add("ended")

    def close(self):
        """The consumer has closed the stream."""
        if "open" in self.states:
            self._end(self.cut or Outcome.CANCELLED)
        self.states = {"ended"}

    def drop(self):
        """The consumer has dropped the stream."""
        dropped = Outcome.CANCELLED if self.consumer.closes else Outcome.ABANDONED
        if "open" in self.states:
            self._end(self.cut or dropped)

    def _end(self, outcome):
        if "open" in self.states:
            self.outcomes.add(outcome)
            self.states = {"ended"}

    def _count(self, chunk):
        if "open" not in self.states:
            return
        self.counts = self.counts and self.states == {"open"}
        self.chunks += 1
        if isinstance(chunk, str):
            chunk = chunk.encode()
        if isinstance(chunk, bytes):
            self.bytes += len(chunk)

    def differences(self, recorded):
        """What is wrong with the scope of a stream that is not there any more."""
        if not self.consumer.modelled:
            begun = recorded.events[1:]
            return [] if begun in ([], ["start", "close"]) else [f"scope: {recorded.events}"]
        if not self.outcomes:
            return [] if recorded.events == ["open"] else [f"never stepped: {recorded.events}"]
        if recorded.events != ["open", "start", "close"]:
            return [f"scope: {recorded.events}"]
        wrong = []
        if recorded.outcome not in self.outcomes:
            wrong.append(f"outcome: {recorded.outcome}, not {sorted(self.outcomes)}")
        counted = recorded.report.chunks, recorded.report.bytes
        if self.counts and counted != (self.chunks, self.bytes):
            wrong.append(f"chunks and bytes: {counted}, not {self.chunks, self.bytes}")
        return wrong

    def state_differences(self, recorded):
        """What is wrong with the scope at this moment."""
        if not self.consumer.modelled:
            return []
        state = "ended" if recorded.is_closed else "open" if recorded.was_started else "fresh"
        if state in self.states or ("ended" in self.states and state == "fresh"):
            return []
        return [f"scope is {state}, not {sorted(self.states)}"]
